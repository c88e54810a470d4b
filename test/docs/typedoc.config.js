import { Comment, Converter, ReflectionKind } from "typedoc"

/** What a file says about itself stands above its imports, as in Effect's own packages, without a tag that TypeDoc would need. */
const moduleComments = (app) => {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ programs, project }) => {
    for (const module of project.getReflectionsByKind(ReflectionKind.Module)) {
      const path = module.sources?.[0]?.fullFileName
      const text = programs.map((program) => program.getSourceFile(path)?.text).find((text) => text !== undefined)
      const first = /^\/\*\*([^]*?)\*\//.exec(text ?? "")?.[1]
      if (module.comment !== undefined || first === undefined) continue
      const lines = first.split("\n").map((line) => line.replace(/^ \* ?/, "")).filter((line) => !line.startsWith("@"))
      module.comment = new Comment([{
        kind: "text",
        text: lines.join("\n").replace(/\{@link (\w+)\}/g, "`$1`").trim()
      }])
    }
  })
}

export default {
  name: "effect-wecom",
  // The barrel is these modules under their names.
  entryPoints: ["../../src/*.ts"],
  exclude: ["../../src/index.ts"],
  tsconfig: "../../tsconfig.build.json",
  out: "../../docs/modules",
  readme: "../../README.md",
  gitRevision: "main",
  plugin: [moduleComments],
  excludeInternal: true,
  excludePrivate: true,
  excludeExternals: true,
  sort: ["source-order"],
  navigation: { includeCategories: true },
  validation: { notExported: false, invalidLink: true, notDocumented: false },
  treatWarningsAsErrors: true
}
