/** The minified, gzipped size of the README's bot, without its peers. */
import * as esbuild from "esbuild"
import * as fs from "node:fs"
import * as path from "node:path"
import { gzipSync } from "node:zlib"

const root = path.join(import.meta.dirname, "../..")

export const gzippedBytes = async (): Promise<number> => {
  const readme = fs.readFileSync(path.join(root, "README.md"), "utf8")
  const bot = /## A bot in fifteen lines[\s\S]*?```ts\n([\s\S]*?)```/.exec(readme)![1]!
  const { outputFiles } = await esbuild.build({
    stdin: { contents: bot, resolveDir: root, loader: "ts" },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "node",
    external: ["effect", "@effect/platform", "@effect/platform-node", "https-proxy-agent", "ws"],
    tsconfigRaw: {}
  })
  return gzipSync(outputFiles[0]!.contents).length
}
