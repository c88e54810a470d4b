import { fileURLToPath } from "node:url"
import { configDefaults, defineConfig } from "vitest/config"

const src = fileURLToPath(new URL("./src", import.meta.url))

/** As in `.ci/run`; `npm cit` alone runs a tenth of the heavy properties, and starts no programs. */
const isFull = process.env.CHECKS === "full"

/** Programs and pages that are bundled, type-checked or started for each test. */
const programs = ["test/examples/**", "test/docs/**", "test/package/**"]

export default defineConfig({
  resolve: {
    // Tests and examples import the package by its name, without a build.
    alias: [
      { find: /^effect-wecom$/, replacement: `${src}/index.ts` },
      { find: /^effect-wecom\/(.+)$/, replacement: `${src}/$1.ts` }
    ]
  },
  test: {
    include: ["test/**/*.test.ts", "examples/**/*.test.ts"],
    exclude: [
      ...configDefaults.exclude,
      // Real faults take real time: `npm run test:faults`.
      "test/faults/**",
      ...(isFull ? [] : programs)
    ],
    // Nothing secret in any log of any test.
    setupFiles: ["test/setup/secretsInLogs.ts"],
    // Processes, not threads: some promises are about sockets and unhandled rejections of a whole process.
    pool: "forks",
    // Loading Effect anew for every file takes as long as half of the tests.
    isolate: false,
    // More than two, because many tests wait for real sockets and processes. The same number, because a worker that ends early
    // can reject the run.
    maxWorkers: 4,
    minWorkers: 4,
    // A log belongs to a test that fails.
    silent: "passed-only",
    testTimeout: 30_000,
    hookTimeout: 30_000
  }
})
