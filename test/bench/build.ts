/**
 * Benchmarks run what users run: the built package in plain Node. A loader that compiles on the way adds its own cost to
 * every function.
 */
import * as esbuild from "esbuild"
import { execFileSync } from "node:child_process"
import * as path from "node:path"

const root = path.join(import.meta.dirname, "../..")

/** Builds the package, then these scripts beside it, and gives the folder in which they stand. */
export const build = async (...scripts: ReadonlyArray<string>): Promise<string> => {
  execFileSync("npm", ["run", "build", "--silent"], { cwd: root, stdio: "inherit" })
  // Inside the package, so that "effect-wecom" means the package itself.
  const outdir = path.join(root, ".bench")
  await esbuild.build({
    entryPoints: scripts.map((script) => path.join(import.meta.dirname, script)),
    outdir,
    outExtension: { ".js": ".mjs" },
    outbase: import.meta.dirname,
    bundle: true,
    splitting: true,
    packages: "external",
    format: "esm",
    platform: "node",
    target: "node20",
    tsconfigRaw: {}
  })
  return outdir
}
