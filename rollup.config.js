/**
 * The code of dist: two files with nearly everything, and one for each public module that hands on its part of them. Finding and
 * reading a hundred small files with their imports takes Node longer than running them. The declarations come from tsc, file by
 * file.
 */
import { readdirSync } from "node:fs"
import * as path from "node:path"
import ts from "typescript"

const src = path.join(import.meta.dirname, "src")

/**
 * Marks what modules compute while they load as droppable, for the bundlers of users: the package promises to be free of side
 * effects, but what stands in a file of which something is used is kept unless it says so itself.
 */
const markPure = (context) => (file) => {
  const { factory } = context
  const calls = (node) =>
    ts.isCallExpression(node)
      ? factory.updateCallExpression(node, calls(node.expression), undefined, ts.visitNodes(node.arguments, mark))
      : ts.isPropertyAccessExpression(node)
      ? factory.updatePropertyAccessExpression(node, calls(node.expression), node.name)
      : ts.visitEachChild(node, mark, context)
  // One mark counts for the whole of `a(b).c(d)`, and has to stand before it.
  const mark = (node) =>
    ts.isFunctionLike(node)
      ? node
      : ts.isCallExpression(node) || ts.isNewExpression(node)
      ? ts.addSyntheticLeadingComment(calls(node), ts.SyntaxKind.MultiLineCommentTrivia, "#__PURE__")
      : ts.visitEachChild(node, mark, context)
  return ts.visitEachChild(
    file,
    (node) =>
      ts.isVariableStatement(node)
        ? ts.visitEachChild(node, mark, context)
        : ts.isClassDeclaration(node)
        ? factory.updateClassDeclaration(
          node,
          node.modifiers,
          node.name,
          undefined,
          ts.visitNodes(node.heritageClauses, mark),
          node.members
        )
        : node,
    context
  )
}

const typescript = {
  name: "typescript",
  resolveId: (source, importer) => {
    if (importer === undefined) return source
    return source.startsWith(".")
      ? path.join(path.dirname(importer), source.replace(/\.js$/, ".ts"))
      : { id: source, external: true }
  },
  transform: (code, fileName) => {
    const { outputText, sourceMapText } = ts.transpileModule(code, {
      fileName,
      compilerOptions: {
        target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.ESNext,
        verbatimModuleSyntax: true,
        sourceMap: true
      },
      transformers: { after: [markPure] }
    })
    return { code: outputText.replace(/\/\/# sourceMappingURL=.*\s*$/, ""), map: sourceMapText }
  },
  // Rollup orders what loads first by them; we have no side effects to order, and bundlers warn of them. Lines stay where they are.
  renderChunk: (code) => ({ code: code.replace(/^import '\.[^']*';$/gm, ""), map: null })
}

const output = {
  dir: "dist",
  format: "esm",
  sourcemap: true,
  minifyInternalExports: false,
  hoistTransitiveImports: false
}

const entries = Object.fromEntries(
  readdirSync(src)
    .filter((file) => file.endsWith(".ts") && file !== "index.ts")
    .map((file) => [path.basename(file, ".ts"), path.join(src, file)])
)

export default [
  {
    input: entries,
    plugins: [typescript],
    // As package.json promises.
    treeshake: { moduleSideEffects: false },
    preserveEntrySignatures: "strict",
    output: {
      ...output,
      chunkFileNames: "internal/[name].js",
      // With all that these import, unless it is in a chunk above. So whoever wants schemas and cards alone loads no bot.
      manualChunks: {
        nouns: [entries.Message, entries.BotEvent, entries.Reply, entries.Telemetry],
        bot: [entries.WecomBot, entries.BotRouter]
      }
    }
  },
  {
    // By itself: bundled with the others its `export * as` would become objects, which no bundler takes apart again.
    input: path.join(src, "index.ts"),
    plugins: [{ ...typescript, resolveId: (source, importer) => ({ id: source, external: importer !== undefined }) }],
    output
  }
]
