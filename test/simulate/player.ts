/**
 * Plays the seeds that it is sent and sends back what they came to. A process of its own: what nobody caught in it belongs to the
 * history that was being played.
 */
import * as Book from "./book.js"
import * as Plan from "./plan.js"
import * as Tally from "./tally.js"
import * as World from "./world.js"

/** So many seeds from the first one. */
export interface Task {
  readonly firstSeed: number
  readonly runs: number
  readonly keepsHistories: boolean
}

const stray: Array<string> = []
for (const event of ["uncaughtException", "unhandledRejection"] as const) {
  process.on(event, (error: unknown) => stray.push(`${event}: ${String((error as Error | undefined)?.stack ?? error)}`))
}

const linesOf = ({ books, plan }: World.History): ReadonlyArray<string> => {
  const { acts: _, faults: __, ...rest } = plan
  return [`seed ${plan.seed}: ${JSON.stringify(rest)}`, ...books.lines.map(Book.format)]
}

const play = async ({ firstSeed, keepsHistories, runs }: Task): Promise<Tally.Tally> => {
  const tally = Tally.make()
  for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
    const history = await World.play(Plan.make(seed))
    const { books } = history
    for (const error of stray.splice(0)) books.complain(error)
    Tally.addHistory(tally, history)
    if (keepsHistories || books.complaints.length > 0) {
      tally.failures.push({ seed, complaints: books.complaints, history: linesOf(history) })
    }
  }
  return tally
}

process.on("message", (task: Task) => void play(task).then((tally) => process.send!(tally)))
process.on("disconnect", () => process.exit())
