/**
 * `npm run test:package`: the packed tarball as a stranger gets it. What is in it; installed into an empty project as the README
 * says; the README's code type-checked under both module resolutions and run on this Node and on the newest; a bundle of one
 * module; and the wrong major of Effect. Needs the npm registry. `PACKAGE_TARBALL` names a tarball that is there already.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { fences } from "../docs/markdown.js"
import { bundledSources } from "./bundle.js"
import { makeScratch, mustSucceed, quiet, root, run, succeeds } from "./tools.js"

const { directory, scratch } = makeScratch("package")

const problems: Array<string> = []

const report = (promise: string, problem: string | undefined) => {
  console.log(problem === undefined ? `ok    ${promise}` : `FAIL  ${promise}\n${problem}`)
  if (problem !== undefined) problems.push(promise)
}

const pack = async (): Promise<string> => {
  if (process.env.PACKAGE_TARBALL !== undefined) return path.resolve(process.env.PACKAGE_TARBALL)
  await mustSucceed("npm", ["pack", "--pack-destination", scratch], root)
  return path.join(scratch, readdirSync(scratch).find((file) => file.endsWith(".tgz"))!)
}

const tarball = await pack()

// What is in it.

const contents = (await run("tar", ["-tzf", tarball], scratch)).stdout.trim().split("\n").map((file) =>
  file.replace(/^package\//, "")
)
const modules = readdirSync(`${root}src`, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.replaceAll("\\", "/").replace(/\.ts$/, ""))
const expected = [
  ...["LICENSE", "README.md", "README.zh-CN.md", "package.json"],
  ...modules.flatMap((name) => [`src/${name}.ts`, `dist/${name}.d.ts`, `dist/${name}.d.ts.map`]),
  // A file of code for each public module, and those that they share.
  ...modules.filter((name) => !name.includes("/"))
    .concat(["bot", "nouns", "TestGateway", "undici"].map((name) => `internal/${name}`))
    .flatMap((name) => [`dist/${name}.js`, `dist/${name}.js.map`])
]
const missing = expected.filter((file) => !contents.includes(file))
const unexpected = contents.filter((file) => !expected.includes(file))
report(
  "the tarball holds dist with declarations and maps, src, READMEs, LICENSE, and nothing else",
  missing.length + unexpected.length === 0 ? undefined : `missing ${missing}\nunexpected ${unexpected}`
)

// Installed as the README says.

const readme = readFileSync(`${root}README.md`, "utf8")
const installs = fences(readme).find(({ info }) => info === "sh")!.code.trim().split("\n")
const project = directory("project")
writeFileSync(path.join(project, "package.json"), JSON.stringify({ name: "stranger", private: true, type: "module" }))
for (const line of installs) {
  const [, ...args] = line.split(" ").map((word) => word === "effect-wecom" ? tarball : word)
  report(line, await succeeds("npm", [...args, ...quiet], project))
}
await mustSucceed("npm", ["install", "--save-dev", "typescript@^5.9", "@types/node@^20", ...quiet], project)

// The README's code, type-checked.

const source = directory("project/src")
const names: Array<string> = []
for (const { code, line } of fences(readme).filter(({ info }) => info === "ts")) {
  const name = code.includes("runMain") ? "bot" : code.includes("it.scoped(") ? "bot.test" : `snippet-${line}`
  names.push(name)
  writeFileSync(path.join(source, `${name}.ts`), code)
}
const resolutions = {
  nodenext: { module: "NodeNext", moduleResolution: "NodeNext" },
  bundler: { module: "ESNext", moduleResolution: "Bundler" }
}
const typeCheck = async ([name, resolution]: readonly [string, object]) => {
  writeFileSync(
    path.join(project, `tsconfig.${name}.json`),
    JSON.stringify({
      compilerOptions: {
        ...resolution,
        target: "ES2022",
        lib: ["ES2023", "DOM"],
        types: ["node"],
        strict: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: false,
        rootDir: "src",
        outDir: name
      },
      include: ["src"]
    })
  )
  report(
    `the README's ${names.length} snippets type-check with moduleResolution ${name} and skipLibCheck false`,
    await succeeds("npx", ["--no-install", "tsc", "-p", `tsconfig.${name}.json`], project)
  )
}

const newestNode = async (): Promise<string | undefined> => {
  const name = `node-${process.platform}-${process.arch}`
  const home = directory("node")
  writeFileSync(path.join(home, "package.json"), "{}")
  await run("npm", ["install", `${name}@latest`, "--ignore-scripts", ...quiet], home)
  const binary = path.join(home, "node_modules", name, "bin", "node")
  if (existsSync(binary)) return binary
  console.log("skip  the newest Node: it cannot be had here as an npm package")
  return undefined
}

const [newest] = await Promise.all([newestNode(), ...Object.entries(resolutions).map(typeCheck)])

// The README's bot and test, run.

writeFileSync(path.join(project, "talk.mjs"), readFileSync(new URL("talk.mjs", import.meta.url)))

const runOn = async (node: string) => {
  const version = (await run(node, ["--version"], project)).stdout.trim()
  for (const built of Object.keys(resolutions)) {
    report(
      `the README's bot answers, and ends with 0 on SIGTERM (${version}, built for ${built})`,
      await succeeds(node, ["talk.mjs", `${built}/bot.js`], project)
    )
  }
  report(
    `the README's test passes (${version})`,
    await succeeds(node, ["node_modules/vitest/vitest.mjs", "run", "src/bot.test.ts"], project)
  )
}

await Promise.all([process.execPath, ...newest === undefined ? [] : [newest]].map(runOn))

// A bundle of one module.

const sources = await bundledSources(
  `import { TemplateCard } from "effect-wecom"; console.log(TemplateCard.textNotice)`,
  project
)
const nouns = [
  ...["Chat", "ErrorCode", "Limits", "ReplyTarget", "TemplateCard", "WecomError"],
  ...[
    "bodies/cardParts",
    "bodies/cardRules",
    "bodies/replyBodies",
    "bodies/sendInvalid",
    "checks/bytes",
    "checks/cures"
  ]
    .map((name) => `internal/${name}`)
]
const foreign = sources.filter((file) =>
  !file.includes("node_modules/effect/") && !file.endsWith("effect-wecom/dist/TemplateCard.js") &&
  !nouns.some((name) => file.endsWith(`effect-wecom/src/${name}.ts`))
)
report(
  "a bundle of TemplateCard alone holds no socket and no bot",
  sources.some((file) => file.endsWith("src/TemplateCard.ts")) && foreign.length === 0 ? undefined : foreign.join("\n")
)

// The wrong major.

const isRefused = async (promise: string, packages: ReadonlyArray<string>, says: RegExp) => {
  const home = directory(packages.join("+").replace(/\W/g, "_"))
  writeFileSync(path.join(home, "package.json"), JSON.stringify({ name: "wrong", private: true, type: "module" }))
  const { output, succeeded } = await run("npm", ["install", "--dry-run", tarball, ...packages, ...quiet], home)
  report(promise, !succeeded && output.includes("ERESOLVE") && says.test(output) ? undefined : output)
}

await Promise.all([
  isRefused(
    "effect@4 is refused at install, with an error that names the peer range",
    ["effect@4"],
    // npm names whichever peer it meets first: ours, or that of @effect/platform below us.
    /Found: effect@4\.[^]*peer effect@"\^3\.22\.\d+" from [^]*effect-wecom@/
  ),
  isRefused(
    "without the README's versions npm refuses its own latest",
    ["effect", "@effect/platform", "@effect/platform-node"],
    /peer effect@"\^4\./
  )
])

console.log(problems.length === 0 ? "package: all is well" : `package: ${problems.length} failed`)
process.exitCode = problems.length === 0 ? 0 : 1
