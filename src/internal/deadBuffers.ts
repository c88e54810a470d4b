/**
 * V8 lets some 30 MB of dead buffers lie before it looks for them, which is more than a transfer of any size needs. A large
 * buffer that nobody touches takes no memory, but it counts: the next allocation makes V8 look, at the price of one scavenge.
 */

/** Above what V8 lets lie, and above what `malloc` ever serves from memory it has used before: its pages stay untouched. */
const untouchedBytes = 33 * 1024 * 1024

/**
 * Call it with the number of bytes that were allocated and are dead by now; `everyBytes` of them are looked for together.
 *
 * @internal
 */
export const make = (everyBytes: number): (bytes: number) => void => {
  let dead = 0
  return (bytes) => {
    dead += bytes
    if (dead < everyBytes) return
    dead = 0
    void new ArrayBuffer(untouchedBytes)
    void new ArrayBuffer(1)
  }
}
