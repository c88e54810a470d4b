/** Folders of their own and the commands that run in them. */
import { execFile } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"

export const root = fileURLToPath(new URL("../..", import.meta.url))

/** A temporary folder that goes with the process, and a function that makes folders in it. */
export const makeScratch = (name: string) => {
  const scratch = mkdtempSync(path.join(tmpdir(), `effect-wecom-${name}-`))
  process.once("exit", () => rmSync(scratch, { recursive: true, force: true }))
  return {
    scratch,
    directory: (name: string): string => {
      const made = path.join(scratch, name)
      mkdirSync(made, { recursive: true })
      return made
    }
  }
}

export interface Result {
  readonly succeeded: boolean
  readonly stdout: string
  readonly output: string
}

export const run = (
  command: string,
  args: ReadonlyArray<string>,
  cwd: string,
  timeout = 240_000
): Promise<Result> =>
  new Promise((resolve) => {
    // npm's own words are what some checks read, whatever npm that runs this was told.
    const env = { ...process.env, NO_COLOR: "1", npm_config_loglevel: "notice" }
    const options = { cwd, timeout, maxBuffer: 1 << 26, env }
    execFile(command, [...args], options, (error, stdout, stderr) => {
      const output = `${stdout}${stderr}`
      resolve({ succeeded: error === null, stdout, output: output === "" ? String(error) : output })
    })
  })

export const succeeds = async (...args: Parameters<typeof run>): Promise<string | undefined> => {
  const { output, succeeded } = await run(...args)
  return succeeded ? undefined : `${args[0]} ${args[1].join(" ")} failed:\n${output}`
}

export const mustSucceed = async (...args: Parameters<typeof run>): Promise<void> => {
  const problem = await succeeds(...args)
  if (problem !== undefined) throw new Error(problem)
}

export const quiet = ["--no-audit", "--no-fund", "--prefer-offline"]
