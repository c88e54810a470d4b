import { build } from "esbuild"
import { SourceMap } from "node:module"

/** The sources, as their source maps name them, of which something is left in a bundle of this code. */
export const bundledSources = async (code: string, resolveDir: string): Promise<ReadonlyArray<string>> => {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir, loader: "ts" },
    bundle: true,
    // Constants are computed and lines stay lines.
    minifySyntax: true,
    write: false,
    outdir: resolveDir,
    sourcemap: "external",
    sourcesContent: false,
    platform: "node",
    format: "esm",
    treeShaking: true,
    logLevel: "silent"
  })
  const [map, bundle] = [".map", ".js"].map((extension) =>
    outputFiles.find(({ path }) => path.endsWith(extension))!.text
  )
  const origins = new SourceMap(JSON.parse(map!))
  const sources = bundle!.split("\n").map((text, line) => {
    const origin = origins.findEntry(line, text.search(/\S|$/))
    return "originalSource" in origin ? origin.originalSource : undefined
  })
  return [...new Set(sources)].filter((source) => source !== undefined && !source.endsWith("<stdin>")) as Array<string>
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
