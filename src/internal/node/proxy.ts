/**
 * The proxy for a URL: the configured one, or the one that the environment names, read as curl reads it.
 */

/** @internal */
export interface EnvironmentVariables {
  readonly [name: string]: string | undefined
}

const variablesOf = (protocol: string): ReadonlyArray<string> =>
  protocol === "wss:" || protocol === "https:"
    ? ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
    : ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]

const defaultPorts: { readonly [protocol: string]: string } = {
  "wss:": "443",
  "https:": "443",
  "ws:": "80",
  "http:": "80"
}

const matches = (entry: string, host: string, port: string): boolean => {
  if (entry === "*") return true
  const [, name = "", entryPort] = /^(.*?)(?::(\d+))?$/.exec(entry)!
  if (entryPort !== undefined && entryPort !== port) return false
  const suffix = name.replace(/^\*?\./, "").toLowerCase()
  return suffix !== "" && (host === suffix || host.endsWith(`.${suffix}`))
}

const isExcepted = (url: URL, environment: EnvironmentVariables): boolean => {
  const port = url.port === "" ? defaultPorts[url.protocol] ?? "" : url.port
  const host = url.hostname.toLowerCase().replace(/^\[|\]$/g, "")
  return (environment.no_proxy ?? environment.NO_PROXY ?? "")
    .split(/[\s,]+/)
    .some((entry) => entry !== "" && matches(entry, host, port))
}

/**
 * `false` means a direct connection, `undefined` that the environment decides.
 *
 * @internal
 */
export const forUrl = (
  target: string,
  configured: string | false | undefined,
  environment: EnvironmentVariables
): string | undefined => {
  if (configured === false) return undefined
  if (configured !== undefined) return configured
  const url = new URL(target)
  if (isExcepted(url, environment)) return undefined
  for (const name of variablesOf(url.protocol)) {
    const value = environment[name]
    if (value !== undefined && value !== "") return value.includes("://") ? value : `http://${value}`
  }
  return undefined
}
