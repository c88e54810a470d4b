import { fileURLToPath } from "node:url"
import { defineConfig, mergeConfig } from "vitest/config"
import base from "../../vitest.config.js"

// Real sockets and real processes: `npm run test:faults`; with FAULTS=quick the minute of it that CI takes.
export default mergeConfig(
  defineConfig({ resolve: base.resolve ?? {} }),
  defineConfig({
    root: fileURLToPath(new URL("../..", import.meta.url)),
    test: {
      include: ["test/faults/**/*.test.ts"],
      setupFiles: ["test/setup/secretsInLogs.ts", "test/faults/setup.ts"],
      reporters: ["default", "./test/faults/table.ts"],
      pool: "forks",
      // Bounds in milliseconds want a processor that is not fought over; the quick part holds none that are tight.
      maxWorkers: process.env.FAULTS === "quick" ? 2 : 1,
      minWorkers: 1,
      // Most of a fault is waiting for what comes of it.
      maxConcurrency: 6,
      testTimeout: 60_000,
      hookTimeout: 30_000,
      // The rows of the table; what is logged is searched, not shown.
      silent: "passed-only"
    }
  })
)
