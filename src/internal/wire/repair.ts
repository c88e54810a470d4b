/**
 * Decodes part by part: a value of another shape than its schema loses the optional fields and list items that cannot be read,
 * and keeps the rest. For schemas without transformations; nothing outside the schema is looked at or changed.
 */
import type * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"

/** @internal */
export type Fields = { readonly [key: string]: unknown }

/**
 * Other forms in which the service sends a value: what it means, in the form of the schema.
 *
 * @internal
 */
export type Form = (value: Fields) => Fields

/** @internal */
export interface Repaired<A> {
  readonly value: A
  /** The fields of the schema that were changed or left out, as paths without indices. */
  readonly changed: ReadonlySet<string>
}

/** What cannot be read. */
const broken = Symbol("broken")

/** The path of the value, and the places that were changed. */
type Repair = (value: unknown, path: string, changed: Set<string>) => unknown

/** @internal */
export const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/**
 * A string, or the digits of a whole number. Beyond the safe integers JSON has lost digits already, and two numbers can look the
 * same.
 *
 * @internal
 */
export const text = (value: unknown): string | undefined =>
  typeof value === "string" ? value : Number.isSafeInteger(value) ? String(value) : undefined

/**
 * A number, or a string of one.
 *
 * @internal
 */
export const number = (value: unknown): number | undefined => {
  const read = typeof value === "string" && value.trim() !== "" ? Number(value) : value
  return typeof read === "number" && Number.isFinite(read) ? read : undefined
}

const noted = (read: unknown, value: unknown, path: string, changed: Set<string>): unknown => {
  if (read === undefined) return broken
  if (read !== value) changed.add(path)
  return read
}

const literal = (expected: AST.LiteralValue): Repair => (value, path, changed) =>
  value === expected
    ? value
    : typeof expected === "number" && number(value) === expected
    ? noted(expected, value, path, changed)
    : broken

const isAbsent = (value: unknown): boolean => value === undefined || value === null

const at = (path: string, key: string) => path === "" ? key : `${path}.${key}`

type Compile = (ast: AST.AST) => Repair

const struct = ({ propertySignatures }: AST.TypeLiteral, form: Form | undefined, compile: Compile): Repair => {
  const properties = propertySignatures.map(({ isOptional, name, type }) => ({
    key: String(name),
    isOptional,
    repair: compile(type)
  }))
  return (value, path, changed) => {
    if (!isFields(value)) return broken
    const read = form === undefined ? value : form(value)
    const fields: { [key: string]: unknown } = { ...read }
    const ofFields = new Set<string>()
    for (const { isOptional, key, repair } of properties) {
      const place = at(path, key)
      const field = read[key]
      if (field !== value[key]) ofFields.add(place)
      const repaired = isAbsent(field) ? broken : repair(field, place, ofFields)
      if (repaired !== broken) {
        fields[key] = repaired
        continue
      }
      if (!isOptional) return broken
      delete fields[key]
      if (!isAbsent(field)) ofFields.add(place)
    }
    for (const place of ofFields) changed.add(place)
    return fields
  }
}

const list = ({ rest }: AST.TupleType, compile: Compile): Repair => {
  const repair = compile(rest[0]!.type)
  return (value, path, changed) => {
    if (!Array.isArray(value)) return broken
    const items: ReadonlyArray<unknown> = value.map((item) => repair(item, path, changed))
    if (!items.includes(broken)) return items
    changed.add(path)
    return items.filter((item) => item !== broken)
  }
}

const union = ({ types }: AST.Union, compile: Compile): Repair => {
  // `struct` has handled absent fields.
  const repairs = types.filter((type) => !AST.isUndefinedKeyword(type)).map(compile)
  return (value, path, changed) => {
    let found: unknown = broken
    let changes = new Set<string>()
    for (const repair of repairs) {
      const own = new Set<string>()
      const repaired = repair(value, path, own)
      if (repaired === broken || (found !== broken && own.size >= changes.size)) continue
      found = repaired
      changes = own
    }
    for (const place of changes) changed.add(place)
    return found
  }
}

/**
 * `forms` are by schema. `undefined`: the value lacks what its schema requires.
 *
 * @internal
 */
export const compile = <A>(
  schema: Schema.Schema<A>,
  forms: ReadonlyMap<AST.AST, Form>
): (value: unknown) => Repaired<A> | undefined => {
  const compileAst: Compile = (ast) => {
    switch (ast._tag) {
      case "StringKeyword":
        return (value, path, changed) => noted(text(value), value, path, changed)
      case "NumberKeyword":
        return (value, path, changed) => noted(number(value), value, path, changed)
      case "UnknownKeyword":
        return (value) => value
      case "Literal":
        return literal(ast.literal)
      case "TypeLiteral":
        return struct(ast, forms.get(ast), compileAst)
      case "TupleType":
        return list(ast, compileAst)
      case "Union":
        return union(ast, compileAst)
      default:
        throw new Error("a schema that transforms, refines or refers to itself needs its decoder")
    }
  }
  const repair = compileAst(schema.ast)
  return (value) => {
    const changed = new Set<string>()
    const repaired = repair(value, "", changed)
    return repaired === broken ? undefined : { value: repaired as A, changed }
  }
}
