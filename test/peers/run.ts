/**
 * `npm run test:peers`: the suite with the oldest and the newest versions of Effect and of `ws` that package.json allows. Each
 * pair is installed into a copy of the checkout. Needs the npm registry, as npm is configured. `PEERS="oldest ws"` runs
 * the rows whose names hold these words.
 */
import { cpSync, readFileSync, rmSync } from "node:fs"
import * as path from "node:path"
import { makeScratch, mustSucceed, quiet, root, run } from "../package/tools.js"

const { directory } = makeScratch("peers")

interface Manifest {
  readonly dependencies: { readonly [name: string]: string }
  readonly devDependencies: { readonly [name: string]: string }
  readonly peerDependencies: { readonly [name: string]: string }
}

const manifest: Manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"))

/** The lowest version of a caret range. */
const oldest = (range: string): string => range.replace(/^\^/, "")

/** All that Effect publishes together, at the first version of the minor that the checkout has. */
const companions = Object.entries(manifest.devDependencies).flatMap(([name, range]) => {
  if (!name.startsWith("@effect/") || ["@effect/eslint-plugin", "@effect/language-service"].includes(name)) return []
  return [`${name}@${range.replace(/^[\^~](\d+\.\d+)\.\d+$/, "$1.0")}`]
})

const newest = (name: string) => {
  const [major, minor] = oldest(manifest.peerDependencies[name]!).split(".")
  return `${name}@~${major}.${minor}.0`
}

const peers = ["effect", "@effect/platform", "@effect/platform-node"]
const oldestEffect = [`effect@${oldest(manifest.peerDependencies.effect!)}`, ...companions]
const newestEffect = peers.map(newest)
const oldestWs = `ws@${oldest(manifest.dependencies.ws!)}`
const newestWs = `ws@${manifest.dependencies.ws}`

const combinations: { readonly [name: string]: ReadonlyArray<string> } = {
  "oldest effect, newest ws": [...oldestEffect, newestWs],
  "newest effect, newest ws": [...newestEffect, newestWs],
  "newest effect, oldest ws": [...newestEffect, oldestWs],
  "oldest effect, oldest ws": [...oldestEffect, oldestWs]
}

interface Outcome {
  readonly name: string
  readonly versions: string
  readonly tests: string
  readonly succeeded: boolean
}

const left = new Set([".git", "node_modules", "dist", ".bench", "docs"])

const copy = (name: string): string => {
  const checkout = directory(name.replaceAll(" ", "-"))
  cpSync(root, checkout, {
    recursive: true,
    filter: (file) => !left.has(path.relative(root, file).split(path.sep)[0]!)
  })
  return checkout
}

const installed = (checkout: string, name: string): string =>
  `${name} ${JSON.parse(readFileSync(path.join(checkout, "node_modules", name, "package.json"), "utf8")).version}`

const attempt = async (name: string, packages: ReadonlyArray<string>): Promise<Outcome> => {
  const checkout = copy(name)
  await mustSucceed(
    "npm",
    ["install", "--save-exact", "--save-dev", "--ignore-scripts", ...packages, ...quiet],
    checkout
  )
  const versions = [...peers, "ws"].map((peer) => installed(checkout, peer)).join(", ")
  const { output, succeeded } = await run("npx", ["--no-install", "vitest", "run"], checkout, 900_000)
  if (!succeeded) console.log(output.split("\n").filter((line) => /FAIL|Error|→/.test(line)).join("\n"))
  const tests = /^\s*Tests\s+(.*)$/m.exec(output)?.[1] ?? "did not run"
  rmSync(checkout, { recursive: true, force: true })
  return { name, versions, tests, succeeded }
}

const wanted = Object.entries(combinations).filter(([name]) => name.includes(process.env.PEERS ?? ""))
const outcomes: Array<Outcome> = []
for (const [name, packages] of wanted) {
  console.log(`${name}: ${packages.join(" ")}`)
  outcomes.push(await attempt(name, packages))
}

console.log("")
for (const { name, succeeded, tests, versions } of outcomes) {
  console.log(`${succeeded ? "ok  " : "FAIL"}  ${name.padEnd(26)}${versions.padEnd(90)}${tests}`)
}
process.exitCode = outcomes.every(({ succeeded }) => succeeded) ? 0 : 1
