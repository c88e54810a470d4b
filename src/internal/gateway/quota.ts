import * as Limits from "../../Limits.js"

const minute = 60_000
const hour = 60 * minute

/**
 * The quota of the messages of one conversation, or of the uploads of one bot.
 *
 * @internal
 */
export interface QuotaWindow {
  /** Counts one message. `false`: the quota of the minute or of the hour is used up. */
  readonly take: (now: number) => boolean
}

/** @internal */
export const make = (): QuotaWindow => {
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
