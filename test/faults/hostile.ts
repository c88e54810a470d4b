/** What a careless or a malicious program passes. */
import { Stream } from "effect"

/** What throws, whatever is done to it, as well as everything a careless program passes. */
const boom = () => {
  throw new Error("on purpose")
}
export const trap = new Proxy({}, {
  get: boom,
  has: boom,
  ownKeys: boom,
  getPrototypeOf: boom,
  getOwnPropertyDescriptor: boom
})
export const cycle: { self?: unknown } = {}
cycle.self = cycle

export const anything: ReadonlyArray<readonly [string, unknown]> = [
  ["undefined", undefined],
  ["null", null],
  ["true", true],
  ["empty", ""],
  ["blank", " \n\u200b"],
  ["0", 0],
  ["-1", -1],
  ["NaN", NaN],
  ["Infinity", Infinity],
  ["{}", {}],
  ["[]", []],
  ["huge", "x".repeat(1_000_000)],
  ["wide", "言".repeat(20_000)],
  ["symbol", Symbol("s")],
  ["bigint", 10n],
  ["function", () => {}],
  ["throwing function", boom],
  ["trap", trap],
  ["cycle", cycle],
  ["getters", {
    get _tag() {
      return boom()
    },
    get msgtype() {
      return boom()
    },
    get reqId() {
      return boom()
    },
    toJSON: boom,
    toString: boom
  }],
  ["a lone surrogate", "\ud800"],
  ["control characters", "\u0000\u0001\r\n"],
  ["__proto__", JSON.parse("{\"__proto__\":{\"msgtype\":\"markdown\"}}")],
  ["prototype name", "constructor"],
  ["no prototype", Object.create(null)],
  ["invalid date", new Date(NaN)],
  ["bytes", new Uint8Array(3)],
  ["a broken stream", Stream.make(null)],
  ["a stream of odd parts", Stream.make(5, {}, { _tag: "Text", text: 5 }, trap, "text")],
  ["a url", { url: "ftp://nowhere", aeskey: "x" }],
  ["odd options", {
    timeout: "soon",
    onExpired: 5,
    split: "yes",
    feedback: { id: 5 },
    maxFramesPerSecond: NaN,
    maxBuffered: -1,
    userids: "all",
    reqId: {},
    title: 5,
    failureText: 5,
    emptyText: {},
    type: "video",
    filename: 5
  }]
]
