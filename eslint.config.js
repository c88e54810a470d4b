// ESLint only formats here (`npm run format`); oxlint is the linter.
// `@typescript-eslint/utils` is a dev dependency because the plugin needs it and does not declare it.
import { dprint } from "@effect/eslint-plugin/rules/dprint"
import * as parser from "@typescript-eslint/parser"

export default [
  { ignores: ["dist/**", "coverage/**", "docs/**", "test/docs/generated/**"] },
  {
    files: ["**/*.ts", "**/*.js"],
    languageOptions: { parser, sourceType: "module" },
    linterOptions: { reportUnusedDisableDirectives: "off" },
    plugins: { "@effect": { rules: { dprint } } },
    rules: {
      "@effect/dprint": [
        "error",
        {
          config: {
            indentWidth: 2,
            lineWidth: 120,
            semiColons: "asi",
            quoteStyle: "alwaysDouble",
            trailingCommas: "never",
            operatorPosition: "maintain",
            "arrowFunction.useParentheses": "force"
          }
        }
      ]
    }
  }
]
