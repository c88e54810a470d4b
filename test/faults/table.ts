/** Prints, after everything else, what was done to the bot, what it lost, and how long it took to recover. */
import type { Row } from "./rows.js"
import { percentile } from "./rows.js"

/** What is used of vitest's; the types of `vitest/node` need packages that are not here. */
interface TestModule {
  readonly moduleId: string
  readonly children: {
    readonly allTests: () => Iterable<
      { readonly meta: () => object; readonly result: () => { readonly state: string } }
    >
  }
}

const seconds = (millis: number): string =>
  millis < 1_000 ? `${Math.round(millis)} ms` : `${(millis / 1_000).toFixed(1)} s`

const recovered = ({ recoveries }: Row): string => {
  if (recoveries.length === 0) return "-"
  const longest = seconds(Math.max(...recoveries))
  return recoveries.length === 1 ? longest : `p95 ${seconds(percentile(recoveries, 0.95))}, max ${longest}`
}

const display = (text: string, width: number) => text.padEnd(width)

export default class Table {
  onTestRunEnd(modules: ReadonlyArray<TestModule>): void {
    const rows = modules.toSorted((a, b) => a.moduleId.localeCompare(b.moduleId)).flatMap((module) =>
      Array.from(module.children.allTests(), (test) => {
        const { row } = test.meta() as { readonly row?: Row }
        if (row === undefined) return []
        const state = test.result().state === "passed" ? "" : " FAILED"
        const bound = row.bound === undefined ? "" : `≤ ${seconds(row.bound)}`
        return [[row.fault + state, String(row.times), row.lost, recovered(row), bound]]
      }).flat()
    )
    if (rows.length === 0) return
    const all = [["fault", "times", "lost", "time to recover", "bound"], ...rows]
    const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)))
    const lines = all.map((row) => row.map((cell, column) => display(cell, widths[column]!)).join("  ").trimEnd())
    lines.splice(1, 0, widths.map((width) => "-".repeat(width)).join("  "))
    process.stdout.write(`\n${lines.join("\n")}\n\n`)
  }
}
