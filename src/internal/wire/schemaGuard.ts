/**
 * Hot path. A schema in which nothing is transformed only asks questions, and what it accepts it gives back as it is. Asked
 * by plain functions, compiled from the schema once, they cost a tenth of a decode; a "no" only means that the schema decides.
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
  // A field that is undefined was judged before.
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
 * For data that came out of `JSON.parse`: what it says yes to, the schema decodes to the same value, unknown fields included.
 *
 * @internal
 */
export const compile = <A>(schema: Schema.Schema<A>): (value: unknown) => value is A => {
  const check = compileAst(schema.ast)
  if (check === undefined) throw new Error("a schema that transforms, refines or refers to itself needs its decoder")
  return check as (value: unknown) => value is A
}
