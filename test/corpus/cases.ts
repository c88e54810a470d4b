/**
 * Inputs that the field has sent, one file a case: the input, and what must happen. A new case is a new file.
 */
import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

/** A frame as JSON, as text for what JSON cannot say, or as bytes. */
export type RawFrame = string | { readonly base64: string } | { readonly cmd?: string }

export interface IncomingCase {
  readonly botName?: string
  readonly frames: ReadonlyArray<RawFrame>
  /** What the routes were called with, in order. */
  readonly handled: ReadonlyArray<{ readonly [field: string]: unknown }>
  /** Fields that the last message must not have. */
  readonly absent?: ReadonlyArray<string>
  /** Fields that are counted as repaired. */
  readonly repaired?: ReadonlyArray<string>
  /** The `req_id`s of the answers. */
  readonly answeredUnder?: ReadonlyArray<string | number>
}

export interface SendCase {
  readonly operation: string
  /** `"message"` is a message of alice, and `bytes` are bytes. */
  readonly arguments: ReadonlyArray<any>
  readonly must: { readonly shown?: object; readonly [field: string]: unknown }
}

export interface AckCase {
  readonly outstanding?: number
  /** Sent while so many pushes wait for their acks. */
  readonly frame?: RawFrame
  readonly binary?: boolean
  /** The code that subscribes are refused with. */
  readonly subscribe?: number
  readonly must: ReadonlyArray<string>
}

export const read = <A>(kind: "incoming" | "sends" | "acks"): ReadonlyArray<readonly [name: string, A]> => {
  const folder = new URL(`./${kind}/`, import.meta.url)
  return readdirSync(fileURLToPath(folder)).toSorted().map((file) => [
    file.replace(/\.json$/, ""),
    JSON.parse(readFileSync(new URL(file, folder), "utf8"))
  ])
}

export const dataOf = (frame: RawFrame): string | Uint8Array =>
  typeof frame === "string"
    ? frame
    : "base64" in frame
    ? new Uint8Array(Buffer.from(frame.base64, "base64"))
    : JSON.stringify(frame)
