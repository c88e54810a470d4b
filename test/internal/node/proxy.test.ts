import { describe, expect, it } from "@effect/vitest"
import { forUrl } from "../../../src/internal/node/proxy.js"

const url = "wss://openws.work.weixin.qq.com"
const https = { HTTPS_PROXY: "http://proxy.example:3128" }

describe("which proxy a URL goes through", () => {
  it("a configured one, whatever the environment says", () => {
    expect(forUrl(url, "http://own.example:1", https)).toBe("http://own.example:1")
  })
  it("none when it is turned off", () => {
    expect(forUrl(url, false, https)).toBeUndefined()
  })
  it("the environment's, by the protocol of the URL", () => {
    expect(forUrl(url, undefined, https)).toBe("http://proxy.example:3128")
    expect(forUrl("ws://host.example", undefined, https)).toBeUndefined()
    expect(forUrl("ws://host.example", undefined, { http_proxy: "proxy.example:3128" })).toBe(
      "http://proxy.example:3128"
    )
    expect(forUrl(url, undefined, { ALL_PROXY: "http://all.example" })).toBe("http://all.example")
  })
  it.each([
    ["*", true],
    ["weixin.qq.com", true],
    [".qq.com", true],
    ["*.qq.com", true],
    ["other.example, openws.work.weixin.qq.com:443", true],
    ["openws.work.weixin.qq.com:8443", false],
    ["q.com", false],
    ["", false]
  ])("NO_PROXY %s excepts: %s", (NO_PROXY, isExcepted) => {
    expect(forUrl(url, undefined, { ...https, NO_PROXY }) === undefined).toBe(isExcepted)
  })
})
