import { build } from "esbuild"

/** The files of which something is left in a bundle of this code. */
export const bundledInputs = async (code: string, resolveDir: string): Promise<ReadonlyArray<string>> => {
  const { metafile } = await build({
    stdin: { contents: code, resolveDir, loader: "ts" },
    bundle: true,
    write: false,
    metafile: true,
    platform: "node",
    format: "esm",
    treeShaking: true,
    logLevel: "silent"
  })
  return Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([file, { bytesInOutput }]) => bytesInOutput > 0 && file !== "<stdin>" ? [file] : [])
  )
}

/** The packages that are loaded together with this code: not those that a part of it asks for later. */
export const packagesAtStart = async (code: string, resolveDir: string): Promise<ReadonlyArray<string>> => {
  const { metafile } = await build({
    stdin: { contents: code, resolveDir, loader: "ts", sourcefile: "start.ts" },
    bundle: true,
    splitting: true,
    outdir: "out",
    write: false,
    metafile: true,
    packages: "external",
    platform: "node",
    format: "esm",
    logLevel: "silent"
  })
  const { outputs } = metafile
  const seen = new Set<string>()
  const packages = new Set<string>()
  const visit = (file: string): void => {
    if (seen.has(file)) return
    seen.add(file)
    for (const { external, kind, path } of outputs[file]!.imports) {
      if (kind !== "import-statement") continue
      if (external === true) packages.add(path)
      else visit(path)
    }
  }
  visit(Object.keys(outputs).find((file) => outputs[file]!.entryPoint !== undefined && /stdin/.test(file))!)
  return [...packages]
}
