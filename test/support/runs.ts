/**
 * How often a property runs: a tenth of its number, so that `npm cit` stays short, and the whole number with `CHECKS=full`, as
 * in `.ci/run`.
 */
export const isFull = process.env.CHECKS === "full"

export const runs = (full: number): number => isFull ? full : Math.ceil(full / 10)
