/** How `ws` reads frames, which its types leave out. */
import * as WS from "ws"

export interface Options {
  readonly isServer?: boolean
  readonly skipUTF8Validation?: boolean
  readonly maxFragments?: number
}

export const { Receiver } = WS as unknown as { readonly Receiver: new(options: Options) => NodeJS.WritableStream }
