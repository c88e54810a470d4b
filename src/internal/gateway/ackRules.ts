import { identity } from "effect/Function"
import type * as Frame from "../../Frame.js"
import type { Ack, Received } from "./frames.js"

/**
 * The client frames that a rule applies to. Without properties these are all frames, including pings and subscribes.
 *
 * @since 0.1.0
 * @category acks
 */
export interface Filter {
  /**
   * The command, or one of several.
   */
  readonly cmd?: string | ReadonlyArray<string> | undefined
  /**
   * The `req_id`.
   */
  readonly reqId?: Frame.ReqId | undefined
  /**
   * Any other condition, for example `(frame) => frame.body.stream.finish`. A frame on which it throws does not match.
   */
  readonly where?: ((frame: Received) => boolean) | undefined
  /**
   * The rule ends after this many matching frames. Default: never.
   */
  readonly times?: number | undefined
}

/** @internal */
export const matches = (filter: Filter, frame: Received): boolean => {
  if (filter.cmd !== undefined) {
    if (frame.cmd === undefined) return false
    if (typeof filter.cmd === "string" ? filter.cmd !== frame.cmd : !filter.cmd.includes(frame.cmd)) return false
  }
  if (filter.reqId !== undefined && filter.reqId !== frame.reqId) return false
  if (filter.where === undefined) return true
  try {
    return filter.where(frame)
  } catch {
    // A predicate such as `frame.body.stream.finish` throws on frames of another shape, which do not match.
    return false
  }
}

/** @internal */
export type AckAction =
  | { readonly _tag: "Lose" }
  | { readonly _tag: "Refuse"; readonly errcode: number }
  | { readonly _tag: "Drop" }
  | { readonly _tag: "Delay"; readonly millis: () => number }
  | { readonly _tag: "Duplicate"; readonly copies: number }
  | { readonly _tag: "Rewrite"; readonly rewrite: (ack: Ack) => unknown }
  | { readonly _tag: "Pool"; readonly pool: Array<() => void>; readonly onAdd: () => void }

/** @internal */
export interface AckRule {
  readonly filter: Filter
  readonly action: AckAction
  readonly hits: () => number
  /** Ends the rule. Acks that it holds are sent in the order they came. */
  readonly remove: () => void
}

/** What the rules do with one frame and its ack. */
interface AckPlan {
  readonly isLost: boolean
  readonly refusal: number | undefined
  /** Sends the ack as the rules define: now, later, or several times. Calls `drop` instead if it is never sent. */
  readonly deliver: (ack: Ack, send: (ack: unknown) => void, drop: () => void) => void
}

/** @internal */
export interface AckRules {
  readonly add: (filter: Filter, action: AckAction) => AckRule
  readonly clear: () => void
  readonly plan: (frame: Received) => AckPlan
}

/** @internal */
export const flush = (pool: Array<() => void>): void => {
  for (const send of pool.splice(0)) send()
}

/** @internal */
export const make = (options: {
  readonly baseDelay: number
  readonly after: (millis: number, task: () => void) => unknown
}): AckRules => {
  let rules: ReadonlyArray<AckRule & { count: number }> = []
  // The pool of held acks outlives its rule: they can be released after `times` is used up.
  const pools: Array<Array<() => void>> = []

  const add = (filter: Filter, action: AckAction): AckRule => {
    const rule = {
      filter,
      action,
      count: 0,
      hits: () => rule.count,
      remove: () => {
        rules = rules.filter((other) => other !== rule)
        if (action._tag === "Pool") flush(action.pool)
      }
    }
    rules = [...rules, rule]
    if (action._tag === "Pool") pools.push(action.pool)
    return rule
  }

  const take = (frame: Received): ReadonlyArray<AckAction> => {
    const actions: Array<AckAction> = []
    for (const rule of rules) {
      if (!matches(rule.filter, frame)) continue
      rule.count++
      actions.push(rule.action)
      if (rule.count === rule.filter.times) rules = rules.filter((other) => other !== rule)
    }
    return actions
  }

  return {
    add,
    clear: () => {
      rules = []
      for (const pool of pools.splice(0)) flush(pool)
    },
    plan: (frame) => {
      const actions = rules.length === 0 ? [] : take(frame)
      let isLost = false
      let isDropped = false
      let refusal: number | undefined
      let delay = options.baseDelay
      let copies = 1
      let rewrite: (ack: Ack) => unknown = identity
      let held: Extract<AckAction, { _tag: "Pool" }> | undefined
      for (const action of actions) {
        switch (action._tag) {
          case "Lose":
            isLost = true
            break
          case "Refuse":
            refusal = action.errcode
            break
          case "Drop":
            isDropped = true
            break
          case "Delay":
            delay += action.millis()
            break
          case "Duplicate":
            copies = action.copies
            break
          case "Rewrite":
            rewrite = action.rewrite
            break
          case "Pool":
            held = action
            break
        }
      }
      return {
        isLost,
        refusal,
        deliver: (ack, send, drop) => {
          if (isDropped) return drop()
          const sendAll = () => {
            for (let copy = 0; copy < copies; copy++) send(rewrite(ack))
          }
          const sendLater = delay > 0 ? () => void options.after(delay, sendAll) : sendAll
          if (held === undefined) return sendLater()
          held.pool.push(sendLater)
          held.onAdd()
        }
      }
    }
  }
}
