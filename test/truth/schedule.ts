/** What the service does to each frame and when, and when the link drops. Time is in ticks; a tick has no length. */
import * as fc from "fast-check"

export interface FrameFate {
  /** Ticks between the verdict on the frame before (or its writing, in a crowded lane) and the writing of this one. */
  readonly gap: number
  /** 0 when the service executed it. */
  readonly errcode: number
  /** Ticks until its ack, or never. */
  readonly ackAfter: number | undefined
  readonly isAckDuplicated: boolean
}

export interface LaneFate {
  /** Several frames at once, which only a caller outside the lanes does. */
  readonly isCrowded: boolean
  readonly frames: ReadonlyArray<FrameFate>
}

export interface Schedule {
  readonly lanes: ReadonlyArray<LaneFate>
  /** When the link drops. */
  readonly drops: ReadonlyArray<number>
  readonly horizon: number
  /** Which comes first when a deadline and an ack fall on the same tick. */
  readonly deadlinesFirst: boolean
}

export const timeout = 5

const refusals = [846608, 846605, 6000, 846609, -1, 45009]

const errcode = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, {
  weight: 2,
  arbitrary: fc.constantFrom(...refusals)
})

const frameFate = (horizon: number, lossy: boolean): fc.Arbitrary<FrameFate> =>
  fc.record({
    gap: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: horizon + 3 })),
    errcode,
    ackAfter: fc.oneof(
      { weight: 4, arbitrary: fc.integer({ min: 0, max: timeout - 1 }) },
      { weight: 3, arbitrary: fc.integer({ min: timeout, max: timeout + 3 }) },
      { weight: 2, arbitrary: fc.integer({ min: 0, max: horizon }) },
      { weight: lossy ? 1 : 0, arbitrary: fc.constant(undefined) }
    ),
    isAckDuplicated: fc.boolean()
  })

export const schedule = (options?: { readonly lossy?: boolean; readonly drops?: boolean }): fc.Arbitrary<Schedule> =>
  fc.constantFrom(8, 12, 30).chain((horizon) =>
    fc.record({
      lanes: fc.array(
        fc.boolean().chain((isCrowded) =>
          fc.record({
            isCrowded: fc.constant(isCrowded),
            frames: fc.array(frameFate(horizon, options?.lossy ?? true), { minLength: 1, maxLength: isCrowded ? 5 : 7 })
          })
        ),
        { minLength: 1, maxLength: 3 }
      ),
      drops: fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: options?.drops === false ? 0 : 2 }),
      horizon: fc.constant(horizon),
      deadlinesFirst: fc.boolean()
    })
  )

/** Nothing is late, lost or cut, and every lane is served one frame at a time. */
export const faultless: fc.Arbitrary<Schedule> = schedule({ lossy: false, drops: false }).map((fate) => ({
  ...fate,
  lanes: fate.lanes.map((lane) => ({
    isCrowded: false,
    frames: lane.frames.map((frame) => ({ ...frame, ackAfter: frame.ackAfter! % timeout }))
  }))
}))
