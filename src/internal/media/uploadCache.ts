/**
 * The uploads of the last days, by content. A media id has a type and shows a name, so both are part of the key.
 */
import * as Limits from "../../Limits.js"
import type { Uploaded } from "../../MediaUpload.js"
import type { UploadPlan } from "./uploadPlan.js"

const capacity = 1000

/** Margin, so that a cached id can still be used for a while. */
const marginMillis = 60 * 60 * 1000

/** @internal */
export interface UploadCache {
  readonly get: (key: string, now: number) => Uploaded | undefined
  readonly set: (key: string, uploaded: Uploaded) => void
}

/** @internal */
export const key = (plan: UploadPlan, md5: string): string => JSON.stringify([md5, plan.size, plan.type, plan.filename])

/** @internal */
export const make = (): UploadCache => {
  // A Map keeps insertion order: the first key is the least recently used.
  const known = new Map<string, Uploaded>()
  return {
    get: (key, now) => {
      const found = known.get(key)
      if (found === undefined) return undefined
      known.delete(key)
      if (now >= found.created_at * 1000 + Limits.mediaIdMillis - marginMillis) return undefined
      known.set(key, found)
      return found
    },
    set: (key, uploaded) => {
      known.delete(key)
      known.set(key, uploaded)
      if (known.size > capacity) known.delete(known.keys().next().value!)
    }
  }
}
