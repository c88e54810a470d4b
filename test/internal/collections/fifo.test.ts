import { expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import { Fifo } from "../../../src/internal/collections/fifo.js"

it("is an array that is pushed and shifted", () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.integer(), fc.constant("shift" as const)), { maxLength: 1000, size: "max" }),
      (steps) => {
        const fifo = new Fifo<number>()
        const model: Array<number> = []
        for (const step of steps) {
          if (step === "shift") expect(fifo.shift()).toBe(model.shift())
          else {
            fifo.push(step)
            model.push(step)
          }
          expect(fifo.peek()).toBe(model[0])
          expect(fifo.size()).toBe(model.length)
        }
      }
    ),
    { numRuns: 100 }
  )
})
