/**
 * Which addresses a download may reach. Links come from outside, and must not make the bot request services of its own network
 * or cloud: by a literal address, by a redirect, or by a name that resolves to one.
 */
import type { DownloadReason } from "../../WecomError.js"

/** @internal */
export type AddressKind = "public" | Extract<DownloadReason, { _tag: "AddressRefused" }>["kind"]

type Range = readonly [address: number, bits: number, kind: AddressKind]

const v4 = (a: number, b: number, c: number, d: number): number => ((a << 24) | (b << 16) | (c << 8) | d) >>> 0

// The first matching range decides (RFC 6890).
const ranges: ReadonlyArray<Range> = [
  [v4(169, 254, 169, 254), 32, "metadata"],
  [v4(169, 254, 170, 2), 32, "metadata"],
  [v4(169, 254, 0, 23), 32, "metadata"],
  [v4(100, 100, 100, 200), 32, "metadata"],
  [v4(192, 0, 0, 192), 32, "metadata"],
  [v4(0, 0, 0, 0), 8, "loopback"],
  [v4(127, 0, 0, 0), 8, "loopback"],
  [v4(10, 0, 0, 0), 8, "private"],
  [v4(100, 64, 0, 0), 10, "private"],
  [v4(172, 16, 0, 0), 12, "private"],
  [v4(192, 168, 0, 0), 16, "private"],
  [v4(198, 18, 0, 0), 15, "private"],
  [v4(169, 254, 0, 0), 16, "link-local"],
  [v4(192, 0, 0, 0), 24, "reserved"],
  [v4(192, 0, 2, 0), 24, "reserved"],
  [v4(192, 88, 99, 0), 24, "reserved"],
  [v4(198, 51, 100, 0), 24, "reserved"],
  [v4(203, 0, 113, 0), 24, "reserved"],
  [v4(224, 0, 0, 0), 3, "reserved"]
]

const kindOfV4 = (address: number): AddressKind => {
  for (const [base, bits, kind] of ranges) {
    if (((address ^ base) >>> 0) >>> (32 - bits) === 0) return kind
  }
  return "public"
}

const parseV4 = (text: string): number | undefined => {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number)
  return parts !== undefined && parts.every((part) => part <= 255)
    ? v4(parts[0]!, parts[1]!, parts[2]!, parts[3]!)
    : undefined
}

/** The eight groups of an IPv6 address. */
const parseV6 = (text: string): ReadonlyArray<number> | undefined => {
  const withoutZone = text.replace(/%.*$/s, "")
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(withoutZone)
  let address = withoutZone
  if (dotted !== null) {
    const tail = parseV4(dotted[2]!)
    if (tail === undefined) return undefined
    address = `${dotted[1]}${(tail >>> 16).toString(16)}:${(tail & 0xffff).toString(16)}`
  }
  const halves = address.split("::")
  if (halves.length > 2) return undefined
  const groups = halves.map((half) => half === "" ? [] : half.split(":"))
  const [head, tail = []] = groups as [Array<string>, Array<string>?]
  const missing = 8 - head.length - tail.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined
  const all = [...head, ...Array<string>(missing).fill("0"), ...tail]
  return all.every((group) => /^[0-9a-f]{1,4}$/i.test(group))
    ? all.map((group) => Number.parseInt(group, 16))
    : undefined
}

const startsWith = (groups: ReadonlyArray<number>, ...prefix: ReadonlyArray<number>): boolean =>
  prefix.every((group, i) => groups[i] === group)

const v4At = (groups: ReadonlyArray<number>, at: number): number => ((groups[at]! << 16) | groups[at + 1]!) >>> 0

const kindOfV6 = (groups: ReadonlyArray<number>): AddressKind => {
  if (startsWith(groups, 0, 0, 0, 0, 0, 0, 0) && groups[7]! <= 1) return "loopback"
  // IPv6 forms of an IPv4 address: compatible, mapped, translated (NAT64), 6to4.
  if (startsWith(groups, 0, 0, 0, 0, 0)) {
    return groups[5] === 0 || groups[5] === 0xffff ? kindOfV4(v4At(groups, 6)) : "reserved"
  }
  if (startsWith(groups, 0, 0, 0, 0, 0xffff, 0)) return kindOfV4(v4At(groups, 6))
  if (startsWith(groups, 0x64, 0xff9b, 0, 0, 0, 0)) return kindOfV4(v4At(groups, 6))
  if (startsWith(groups, 0x2002)) return kindOfV4(v4At(groups, 1))
  if (startsWith(groups, 0xfd00, 0xec2)) return "metadata"
  if (startsWith(groups, 0x64, 0xff9b, 1)) return "private"
  const first = groups[0]!
  if ((first & 0xfe00) === 0xfc00 || (first & 0xffc0) === 0xfec0) return "private"
  if ((first & 0xffc0) === 0xfe80) return "link-local"
  if (startsWith(groups, 0x2001, 0xdb8) || first === 0x2001 && groups[1]! < 0x200) return "reserved"
  return (first & 0xe000) === 0x2000 ? "public" : "reserved"
}

/**
 * The kind of a literal address; `undefined` for any other text.
 *
 * @internal
 */
export const kindOfAddress = (address: string): AddressKind | undefined => {
  const four = parseV4(address)
  if (four !== undefined) return kindOfV4(four)
  const six = parseV6(address)
  return six === undefined ? undefined : kindOfV6(six)
}

/**
 * The kind of a URL's host without resolving it. `URL` has already turned the spellings of IPv4 into four decimal numbers.
 *
 * @internal
 */
export const kindOfHost = (hostname: string): AddressKind => {
  const host = hostname.toLowerCase().replace(/^\[(.*)\]$/s, "$1").replace(/\.$/, "")
  if (host === "localhost" || host.endsWith(".localhost")) return "loopback"
  if (host === "metadata" || host === "metadata.google.internal") return "metadata"
  return kindOfAddress(host) ?? "public"
}

/**
 * A private deployment keeps its files on its own network, but no deployment keeps them on a link-local or metadata address.
 *
 * @internal
 */
export const isAllowed = (kind: AddressKind, allowPrivate: boolean): boolean =>
  kind === "public" || allowPrivate && (kind === "loopback" || kind === "private")

/**
 * The error of a connector when a name resolves to a refused address. HTTP clients wrap it; the download finds it again by its
 * code.
 *
 * @internal
 */
export const refusedCode = "ERR_WECOM_ADDRESS_REFUSED"

/** @internal */
export interface AddressRefused extends Error {
  readonly code: typeof refusedCode
  readonly kind: Exclude<AddressKind, "public">
}

/** @internal */
export const addressRefused = (kind: Exclude<AddressKind, "public">): AddressRefused =>
  Object.assign(new Error(`the name resolves to a ${kind} address`), { code: refusedCode, kind } as const)
