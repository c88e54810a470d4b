/**
 * From a ParseError to a `SendInvalid` that names the field, the problem and the limit, and never the content.
 */
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import type * as Types from "effect/Types"
import { SendInvalid } from "../../WecomError.js"

export interface Violation {
  readonly path?: ReadonlyArray<PropertyKey>
  readonly problem: string
  readonly limit: string
}

/**
 * An ordinary ParseIssue for the formatters of Effect, with the violation that this module reads.
 */
class RuleIssue extends ParseResult.Type {
  readonly violation: Violation
  constructor(ast: AST.AST, actual: unknown, violation: Violation) {
    super(ast, actual, `${violation.problem}; allowed: ${violation.limit}`)
    this.violation = violation
  }
}

/**
 * A rule on top of a schema.
 */
export const rule = <S extends Schema.Schema.Any>(
  judge: (value: Types.NoInfer<Schema.Schema.Type<S>>) => Violation | undefined,
  annotations?: Schema.Annotations.Filter<Types.NoInfer<Schema.Schema.Type<S>>>
): (self: S) => Schema.filter<S> =>
  Schema.filter((value, _, ast) => {
    const violation = judge(value)
    if (violation === undefined) return undefined
    const issue = new RuleIssue(ast, value, violation)
    const [head, ...tail] = violation.path ?? []
    return head === undefined ? issue : new ParseResult.Pointer([head, ...tail], value, issue)
  }, annotations)

/**
 * "a, b or c"
 */
export const orList = (items: ReadonlyArray<string>): string =>
  items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} or ${items[items.length - 1]}`

const description = (ast: AST.Annotated): string | undefined => Option.getOrUndefined(AST.getDescriptionAnnotation(ast))

// The expectation in words: from the description of a schema, or from its shape.
const describe = (ast: AST.AST): string => {
  const own = description(ast)
  if (own !== undefined) return own
  switch (ast._tag) {
    case "Literal":
      return String(ast.literal)
    case "Union": {
      const types = ast.types.filter((type) => !AST.isUndefinedKeyword(type))
      const texts = orList(types.map(describe))
      return types.every((type) => AST.isLiteral(type) && typeof type.literal === "number")
        ? `${texts} as a JSON number`
        : texts
    }
    case "Refinement":
      return describe(ast.from)
    case "TupleType":
      return "a list"
    case "TypeLiteral":
      return "an object"
    default:
      return "another value"
  }
}

const fieldNames = (ast: AST.AST): string => {
  switch (ast._tag) {
    case "TypeLiteral":
      return ast.propertySignatures.map((signature) => String(signature.name)).join(", ")
    case "Refinement":
      return fieldNames(ast.from)
    default:
      return "only the documented fields"
  }
}

const kinds = {
  string: "is a string",
  number: "is a number",
  boolean: "is a boolean",
  bigint: "is a bigint",
  symbol: "is a symbol",
  function: "is a function",
  undefined: "is missing"
} as const

const expects = (ast: AST.AST, kind: string): boolean => {
  switch (ast._tag) {
    case "Literal":
      return typeof ast.literal === kind
    case "Union":
      return ast.types.some((type) => expects(type, kind))
    default:
      return false
  }
}

const problemOf = (ast: AST.AST, actual: unknown): string => {
  if (actual === null) return "is null"
  if (typeof actual === "object") return Array.isArray(actual) ? "is a list" : "is an object"
  return expects(ast, typeof actual) ? "is another value" : kinds[typeof actual as keyof typeof kinds]
}

const identifier = /^[A-Za-z_$][\w$]{0,63}$/

// Keys can come from the caller: long or odd ones are escaped and shortened.
const renderPath = (path: ReadonlyArray<PropertyKey>): string => {
  let out = ""
  for (const key of path) {
    if (typeof key === "number") out += `[${key}]`
    else if (typeof key === "string" && identifier.test(key)) out += out === "" ? key : `.${key}`
    else out += `[${JSON.stringify(String(key).slice(0, 32))}]`
  }
  return out
}

// The expectation of the whole field; a nested issue knows only a part of it.
const expectedAt = (owner: AST.AST | undefined, key: PropertyKey): AST.AST | undefined =>
  owner === undefined
    ? undefined
    : AST.isTypeLiteral(owner)
    ? owner.propertySignatures.find((signature) => signature.name === key)?.type
    : AST.isTupleType(owner)
    ? owner.rest[0]?.type
    : undefined

const walk = (
  issue: ParseResult.ParseIssue,
  path: ReadonlyArray<PropertyKey>,
  owner: AST.AST | undefined,
  expected: AST.AST | undefined
): Required<Violation> => {
  switch (issue._tag) {
    case "Pointer": {
      const keys = list(issue.path)
      return walk(issue.issue, path.concat(keys), owner, expectedAt(owner, keys[0]!))
    }
    case "Composite":
      return AST.isUnion(issue.ast)
        ? walk(inUnion(issue.ast, issue), path, owner, expected)
        : walk(list(issue.issues)[0]!, path, issue.ast, expected)
    case "Refinement":
    case "Transformation":
      return walk(issue.issue, path, owner, expected)
    case "Missing":
      return { path, problem: "is missing", limit: `${describe(issue.ast.type)} (required)` }
    case "Unexpected":
      return {
        path,
        problem: owner === undefined ? "is not a known field" : `is not a field of ${describe(owner)}`,
        limit: owner === undefined ? "only the documented fields" : fieldNames(owner)
      }
    case "Type": {
      if (issue instanceof RuleIssue) return { path, problem: issue.violation.problem, limit: issue.violation.limit }
      const limit = describe(expected ?? issue.ast)
      return {
        path,
        problem: problemOf(issue.ast, issue.actual),
        limit: issue.actual === undefined ? `${limit} (required)` : limit
      }
    }
    case "Forbidden":
      return { path, ...unreadable }
  }
}

const list = <A>(items: ParseResult.SingleOrNonEmpty<A>): ReadonlyArray<A> =>
  Array.isArray(items) ? items as ReadonlyArray<A> : [items as A]

// Without the "or undefined" of an optional field, and with all members of an enum.
const inUnion = (union: AST.Union, issue: ParseResult.Composite): ParseResult.ParseIssue => {
  const issues = list(issue.issues).filter((_) => _._tag !== "Type" || !AST.isUndefinedKeyword(_.ast))
  const best = issues.find((_) => _._tag !== "Type" || !AST.isLiteral(_.ast))
  return best ?? new ParseResult.Type(union, issue.actual)
}

const unreadable = { problem: "cannot be read", limit: "plain data, as JSON holds it" } as const

export interface ValidatorOptions {
  /** The prefix of the path of every field. */
  readonly at?: ReadonlyArray<PropertyKey>
  /** The name of the whole input, for an issue without a path. */
  readonly root: string
  /** A check before the schema, with a clearer error for one mistake. */
  readonly hint?: (input: unknown) => Violation | undefined
}

/**
 * The result is a copy, so that the checked value is the sent one. The input is lazy because reading it can throw.
 */
export const validator = <A, I>(schema: Schema.Schema<A, I>, options: ValidatorOptions) => {
  // Built with its first use: a program that sends no cards does not build their rules.
  let decode: ((value: unknown) => Either.Either<A, ParseResult.ParseIssue>) | undefined
  const at = options.at ?? []
  const invalid = (violation: Violation) =>
    new SendInvalid({
      field: renderPath(at.concat(violation.path ?? [])) || options.root,
      problem: violation.problem,
      limit: violation.limit
    })
  return (input: () => unknown): Either.Either<A, SendInvalid> => {
    try {
      const value = input()
      const hint = options.hint?.(value)
      if (hint !== undefined) return Either.left(invalid(hint))
      decode ??= ParseResult.decodeUnknownEither(schema, { onExcessProperty: "error" })
      const result = decode(value)
      return Either.isRight(result)
        ? Either.right(result.right)
        : Either.left(invalid(walk(result.left, [], undefined, undefined)))
    } catch {
      return Either.left(invalid(unreadable))
    }
  }
}
