/**
 * Another instance of the bot, with the same id and secret, that comes and goes: whoever gives way does so as configured, and two
 * that both insist settle.
 */
import { Effect, Option } from "effect"
import type { Books } from "./book.js"
import type * as Handlers from "./handlers.js"
import * as Instance from "./instance.js"
import { harmless, type Visit } from "./plan.js"
import * as Rng from "./rng.js"

/** How often the bot may change hands until two that both want it have settled. */
const maxSwitches = 3

/** What was wrong this long before has no effect any more. */
const quietMillis = 72_000

/** How long a close takes at most. */
const closeMillis = 16_000

export interface Play {
  /** From its coming to its going; whoever interrupts it sends it away. */
  readonly stay: Effect.Effect<void>
  readonly remains: () => void
}

export const play = (
  setting: Instance.Setting,
  visit: Visit,
  { all, cast, host, index }: {
    readonly index: number
    readonly cast: Handlers.Cast
    readonly host: Books
    readonly all: ReadonlyArray<Books>
  }
): Play => {
  const { plan, time } = setting
  let visitor: Instance.Instance | undefined

  /** Nothing else disturbed the two. */
  const isUndisturbed = () =>
    index === 0 &&
    plan.faults.every((fault) =>
      harmless.has(fault._tag) || fault.at > time.now() || fault.at + fault.millis < visit.at - quietMillis
    )

  const stay = Effect.gen(function*() {
    yield* Effect.sleep(visit.at)
    for (const books of all) books.onFault("Visit", visit.millis + closeMillis, visit.onSuperseded)
    visitor = yield* Instance.start(setting, cast, {
      name: `${plan.seed}, visitor ${index}`,
      onSuperseded: visit.onSuperseded,
      rng: Rng.make(plan.seed, 5 + index)
    })
    yield* visitor.until(visit.millis)
  })

  const leave = Effect.gen(function*() {
    if (visitor === undefined) return
    const switches = host.takeovers() + cast.books.takeovers()
    if (isUndisturbed() && switches > maxSwitches) {
      host.complain(`two bots that were left to themselves changed places ${switches} times`)
    }
    const exit = yield* visitor.leave
    host.count(`a second bot ${Option.isSome(exit) ? "gave way" : "left"}`)
  })

  return { stay: Effect.ensuring(stay, leave), remains: () => visitor?.remains() }
}
