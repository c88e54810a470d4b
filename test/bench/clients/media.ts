import type { Served } from "../mediaService.js"

export interface Task {
  /** Downloaded and decrypted, the same to a file, or uploaded from a file. */
  readonly direction: "download" | "file" | "upload"
  readonly mebibytes: number
  readonly served: Served
  readonly directory: string
}

export interface Mover {
  readonly move: (mebibytes: number) => Promise<unknown>
}
