/** X.509 certificates made on the spot, with node:crypto and just enough DER. */
import type { KeyObject } from "node:crypto"
import { createPublicKey, generateKeyPairSync, randomBytes, sign } from "node:crypto"

const der = (tag: number, ...contents: ReadonlyArray<Uint8Array>): Buffer => {
  const content = Buffer.concat(contents)
  const { length } = content
  const size = length < 128
    ? [length]
    : length < 256
    ? [0x81, length]
    : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

const sequence = (...contents: ReadonlyArray<Uint8Array>) => der(0x30, ...contents)
const bits = (content: Uint8Array) => der(0x03, Buffer.from([0]), content)
const octets = (content: Uint8Array) => der(0x04, content)
const oid = (hex: string) => der(0x06, Buffer.from(hex, "hex"))
const yes = der(0x01, Buffer.from([0xff]))

const ecdsaWithSha256 = sequence(oid("2a8648ce3d040302"))

const name = (commonName: string) => sequence(der(0x31, sequence(oid("550403"), der(0x0c, Buffer.from(commonName)))))

/** GeneralizedTime; before 2050 UTCTime is asked for, and nobody minds. */
const time = (date: Date) => der(0x18, Buffer.from(date.toISOString().replace(/[-:T]/g, "").replace(/\..*$/, "Z")))

const isAddress = (host: string) => /^[\d.]+$/.test(host)

const altNames = (hosts: ReadonlyArray<string>) =>
  sequence(
    ...hosts.map((host) =>
      isAddress(host) ? der(0x87, Buffer.from(host.split(".").map(Number))) : der(0x82, Buffer.from(host))
    )
  )

const pem = (label: string, bytes: Uint8Array) =>
  `-----BEGIN ${label}-----\n${
    Buffer.from(bytes).toString("base64").replace(/.{64}/g, "$&\n").trimEnd()
  }\n-----END ${label}-----\n`

export interface Certificate {
  readonly cert: string
  readonly key: string
  readonly privateKey: KeyObject
  readonly commonName: string
}

export interface Options {
  readonly commonName: string
  /** Names and addresses it is for; none makes a certificate authority. */
  readonly hosts?: ReadonlyArray<string>
  /** Without one it signs itself. */
  readonly issuer?: Certificate
  /** Days from now. */
  readonly from?: number
  readonly until?: number
}

const day = 24 * 60 * 60 * 1000

export const make = (options: Options): Certificate => {
  const { commonName, from = -1, hosts, issuer, until = 30 } = options
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
  const publicKey = createPublicKey(privateKey).export({ type: "spki", format: "der" })
  const extensions = [
    sequence(oid("551d13"), yes, octets(hosts === undefined ? sequence(yes) : sequence())),
    ...(hosts === undefined ? [] : [sequence(oid("551d11"), octets(altNames(hosts)))])
  ]
  const toBeSigned = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    ecdsaWithSha256,
    name(issuer?.commonName ?? commonName),
    sequence(time(new Date(Date.now() + from * day)), time(new Date(Date.now() + until * day))),
    name(commonName),
    publicKey,
    der(0xa3, sequence(...extensions))
  )
  const signature = sign("sha256", toBeSigned, issuer?.privateKey ?? privateKey)
  return {
    cert: pem("CERTIFICATE", sequence(toBeSigned, ecdsaWithSha256, bits(signature))),
    key: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
    privateKey,
    commonName
  }
}
