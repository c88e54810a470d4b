/** Type-checks code that stands in no file, as a program of somebody who uses the package. */
import { readdirSync } from "node:fs"
import { fileURLToPath } from "node:url"
import ts from "typescript"

const root = fileURLToPath(new URL("../..", import.meta.url))

/** The public modules. */
export const modules = readdirSync(`${root}src`).filter((name) => name.endsWith(".ts"))

const options = (): ts.CompilerOptions => {
  const { config } = ts.readConfigFile(`${root}tsconfig.json`, ts.sys.readFile)
  const parsed = ts.parseJsonConfigFileContent(config, ts.sys, root)
  // A snippet shows what it defines, and need not use it.
  return { ...parsed.options, noUnusedLocals: false, plugins: [] }
}

/** A program of the package's modules and of snippets that import them by its name. */
export const makeProgram = (snippets: ReadonlyMap<string, string>) => {
  const files = new Map([...snippets].map(([name, code]) => [`${root}test/docs/virtual/${name}.ts`, { name, code }]))
  const host = ts.createCompilerHost(options())
  const { fileExists, readFile } = host
  host.fileExists = (path) => files.has(path) || fileExists(path)
  host.readFile = (path) => files.get(path)?.code ?? readFile(path)
  const program = ts.createProgram([...files.keys(), ...modules.map((name) => `${root}src/${name}`)], options(), host)
  return {
    program,
    /** What the compiler says about each snippet, by its name; nothing when all is well. */
    problems: (): ReadonlyArray<string> =>
      [...files].flatMap(([path, { name }]) => {
        const source = program.getSourceFile(path)
        return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
          ({ file, messageText, start }) =>
            `${name}:${file!.getLineAndCharacterOfPosition(start!).line + 1} ${
              ts.flattenDiagnosticMessageText(messageText, "\n")
            }`
        )
      }),
    /** The public modules, as the compiler sees them. */
    modules: modules.map((name) => ({ name, source: program.getSourceFile(`${root}src/${name}`)! }))
  }
}
