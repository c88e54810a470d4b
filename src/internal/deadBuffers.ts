/**
 * V8 lets some 30 MB of dead buffers lie before it looks for them, which is more than a transfer of any size needs. A large
 * buffer that nobody touches takes no memory, but counts: the next allocation makes V8 look, at the price of one scavenge.
 */

/** More than `malloc` ever serves from memory it has used before, so its pages stay untouched. */
const untouchedBytes = 36 * 1024 * 1024

const everyBytes = 2 * 1024 * 1024

/**
 * Call it with the number of bytes that were allocated and are dead by now, or soon.
 *
 * @internal
 */
export const make = (): (bytes: number) => void => {
  let dead = 0
  return (bytes) => {
    dead += bytes
    if (dead < everyBytes) return
    dead = 0
    if (process.env.NUDGE) void new ArrayBuffer(untouchedBytes)
    if (process.env.NUDGE) void new ArrayBuffer(1)
  }
}
