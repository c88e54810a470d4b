/**
 * What can be known of written frames from the acks received, by brute force: every way to give each ack to a frame of its
 * own that was written before it came and within the horizon. Shares no code and no idea with the library on purpose.
 */
export interface Written {
  /** Position in the one order of everything that happened. */
  readonly step: number
  readonly at: number
}

export interface Came {
  readonly step: number
  readonly at: number
  readonly errcode: number
}

/** In some way the frame has no ack. */
export const unacked = "unacked"

/** For each frame, everything that could be true of it. */
export const possibilities = (
  frames: ReadonlyArray<Written>,
  acks: ReadonlyArray<Came>,
  horizon: number
): ReadonlyArray<ReadonlySet<number | typeof unacked>> => {
  const found = frames.map(() => new Set<number | typeof unacked>())
  const given: Array<number | typeof unacked> = frames.map(() => unacked)
  const give = (next: number): void => {
    const ack = acks[next]
    if (ack === undefined) return given.forEach((errcode, frame) => found[frame]!.add(errcode))
    frames.forEach((frame, index) => {
      if (given[index] !== unacked || frame.step > ack.step || ack.at - frame.at > horizon) return
      given[index] = ack.errcode
      give(next + 1)
      given[index] = unacked
    })
  }
  give(0)
  return found
}

/** The code every way agrees on, or nothing. */
export const knowledge = (possible: ReadonlySet<number | typeof unacked>): number | undefined => {
  const [only, ...others] = possible
  return others.length > 0 || only === unacked ? undefined : only
}
