/**
 * Which way imports go: `npm run directions`. Rooms are the folders of `src/internal`, and each imports rooms below it, the
 * ground, and the public modules named here. Types count too.
 */
const ground = ["checks", "collections", "crypto.ts", "telemetry", "time"]
/** Tags, and what everything is made of. */
const groundModules = ["Chat", "ErrorCode", "Frame", "Limits", "Telemetry", "WecomError"]
const tags = [
  "BotConfig",
  "Connection",
  "Crypto",
  "Dedupe",
  "Governor",
  "Heartbeat",
  "MediaDownload",
  "MediaUpload",
  "Reconnect",
  "ReplyQueue",
  "WecomBot"
]
const nouns = ["Answer", "BotEvent", "Incoming", "Markdown", "Message", "Reply", "ReplyTarget", "TemplateCard"]

/** From top to bottom: the rooms that each may import besides the ground, and the public modules besides tags and the ground. */
const rooms = {
  bot: [["answer", "connection", "handlers", "media", "receiving", "sending", "wire"], nouns],
  router: [["handlers"], [...nouns, "BotRouter"]],
  answer: [["handlers", "sending", "wire"], nouns],
  media: [["handlers", "sending", "wire"], ["Reply"]],
  receiving: [[], ["BotEvent", "Message"]],
  sending: [["handlers"], nouns],
  connection: [["wire"], []],
  handlers: [[], []],
  wire: [[], nouns],
  bodies: [[], ["TemplateCard"]],
  markdown: [[], []],
  gateway: [["bodies", "wire"], [...nouns, "NodeGateway", "TestGateway"]],
  node: [["wire"], []],
  telemetry: [[], ["Incoming"]],
  time: [[], []],
  collections: [[], []],
  checks: [[], []],
  "crypto.ts": [[], []]
}

/** Rooms that one door imports and nothing else does. */
const doors = {
  gateway: ["NodeGateway", "TestGateway"],
  node: ["NodeGateway", "NodeWecomBot"],
  bot: ["NodeWecomBot", "WecomBot"],
  router: ["BotRouter"]
}

const room = (name) => name.endsWith(".ts") ? name : `${name}/`
const files = (names) => names.length === 0 ? "(?!)" : `(${names.join("|")})[.]ts$`
const modules = (names) => `^src/${files(names)}`

const below = Object.entries(rooms).map(([name, [others, publics]]) => ({
  name: `from ${name}`,
  severity: "error",
  from: { path: `^src/internal/${room(name)}` },
  to: {
    path: "^src/",
    pathNot: [
      `^src/internal/(${[name, ...others, ...ground].map(room).join("|")})`,
      modules([...groundModules, ...tags, ...publics])
    ]
  }
}))

const byDoors = Object.entries(doors).map(([name, publics]) => ({
  name: `${name} is imported by its door`,
  severity: "error",
  from: { path: "^src/[^/]+[.]ts$", pathNot: modules(publics) },
  to: { path: `^src/internal/${room(name)}`, dependencyTypesNot: ["type-only"] }
}))

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    ...below,
    ...byDoors,
    {
      name: "every room is listed",
      severity: "error",
      from: { path: "^src/internal/", pathNot: Object.keys(rooms).map((name) => `^src/internal/${room(name)}`) },
      to: {}
    },
    {
      name: "no circle of values",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } }
    }
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" }
  }
}
