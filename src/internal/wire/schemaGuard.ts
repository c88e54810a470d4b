/**
 * Hot path. Type guards for schemas without transformations, compiled once: such a schema decodes a value to itself, and a
 * guard costs a tenth of the decode. After a "no" the schema decides.
 */
import type * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"

type Check = (value: unknown) => boolean

const isString: Check = (value) => typeof value === "string"
const isNumber: Check = (value) => typeof value === "number"
const isBoolean: Check = (value) => typeof value === "boolean"
const isAnything: Check = () => true

const struct = ({ indexSignatures, propertySignatures }: AST.TypeLiteral): Check | undefined => {
  if (indexSignatures.length > 0) return undefined
  const keys = propertySignatures.map((property) => property.name)
  const optional = propertySignatures.map((property) => property.isOptional)
  const checks = propertySignatures.map((property) => compileAst(property.type))
  if (!checks.every((check) => check !== undefined)) return undefined
  return (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return false
    const fields = value as { readonly [key: PropertyKey]: unknown }
    for (let i = 0; i < keys.length; i++) {
      const field = fields[keys[i]!]
      if (field === undefined ? !optional[i] : !checks[i]!(field)) return false
    }
    return true
  }
}

const array = ({ elements, rest }: AST.TupleType): Check | undefined => {
  const check = elements.length === 0 && rest.length === 1 ? compileAst(rest[0]!.type) : undefined
  return check && ((value) => Array.isArray(value) && value.every(check))
}

const union = ({ types }: AST.Union): Check | undefined => {
  // `struct` has handled undefined fields.
  const checks = types.filter((type) => !AST.isUndefinedKeyword(type)).map(compileAst)
  if (!checks.every((check) => check !== undefined)) return undefined
  return checks.length === 1 ? checks[0] : (value) => checks.some((check) => check(value))
}

const compileAst = (ast: AST.AST): Check | undefined => {
  switch (ast._tag) {
    case "StringKeyword":
      return isString
    case "NumberKeyword":
      return isNumber
    case "BooleanKeyword":
      return isBoolean
    case "UnknownKeyword":
      return isAnything
    case "Literal":
      return (value) => value === ast.literal
    case "TypeLiteral":
      return struct(ast)
    case "TupleType":
      return array(ast)
    case "Union":
      return union(ast)
    default:
      return undefined
  }
}

/**
 * For values from `JSON.parse`: the schema decodes each accepted value to itself, unknown fields included.
 *
 * @internal
 */
export const compile = <A>(schema: Schema.Schema<A>): (value: unknown) => value is A => {
  const check = compileAst(schema.ast)
  if (check === undefined) throw new Error("a schema that transforms, refines or refers to itself needs its decoder")
  return check as (value: unknown) => value is A
}
