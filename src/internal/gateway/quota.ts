import * as Limits from "../../Limits.js"

const minute = 60_000
const hour = 60 * minute

/**
 * The times of the messages one conversation took, or of the uploads one bot began, within the last hour.
 *
 * @internal
 */
export interface Quota {
  /** Counts one message, unless the minute or the hour is full. */
  readonly take: (now: number) => boolean
}

/** @internal */
export const make = (): Quota => {
  let times: Array<number> = []
  const since = (start: number) => {
    let count = 0
    for (let at = times.length - 1; at >= 0 && times[at]! > start; at--) count++
    return count
  }
  return {
    take: (now) => {
      times = times.filter((time) => time > now - hour)
      if (times.length >= Limits.messagesPerHour || since(now - minute) >= Limits.messagesPerMinute) return false
      times.push(now)
      return true
    }
  }
}
