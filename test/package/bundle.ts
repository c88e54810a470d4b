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
