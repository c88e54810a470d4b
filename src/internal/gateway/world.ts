/**
 * The state of the service: bots, conversations and issued callbacks.
 */
import type * as Frame from "../../Frame.js"
import type { ServerConnection } from "./engine.js"
import * as Quota from "./quota.js"
import type { BubbleState } from "./screen.js"

/** @internal */
export interface ConversationState {
  readonly kind: "single" | "group"
  /** The userid of a single chat, the chatid of a group. */
  readonly id: string
  /** By userid. */
  readonly members: Set<string>
  readonly bubbles: Array<BubbleState>
  readonly quota: Quota.QuotaWindow
  /** Whether a user has written here before, which a push needs. */
  hasUserMessage: boolean
}

/** @internal */
export interface IssuedCallback {
  readonly cmd: string
  readonly reqId: Frame.ReqId
  readonly msgid: string
  /** `message`, or the eventtype. */
  readonly kind: string
  readonly conversation: ConversationState
  readonly body: { readonly [field: string]: unknown }
  /** When it was first pushed. Its windows start then. */
  at: number | undefined
  /** The connection it was pushed on last. */
  connection: number | undefined
  readonly streams: Map<string, { readonly openedAt: number; readonly bubble: BubbleState }>
  /** The bubbles that its answers opened or, for a card event, updated, in order. */
  readonly answers: Array<BubbleState>
  /** Whether it had an answer that is no stream. */
  hasNonStreamReply: boolean
  /** Whether it had a card beside a stream. */
  hasCard: boolean
  /** The task of a card event. */
  readonly taskId: string | undefined
}

/** @internal */
export interface Bot {
  readonly botId: string
  readonly secret: string
  readonly botName: string
  readonly singles: Map<string, ConversationState>
  readonly groups: Map<string, ConversationState>
  readonly callbacks: Map<Frame.ReqId, IssuedCallback>
  readonly taskIds: Set<string>
  /** Callbacks to push after the next subscribe. */
  readonly offline: Array<IssuedCallback>
  active: ServerConnection | undefined
}

/** @internal */
export const makeBot = (bot: { readonly botId: string; readonly secret: string; readonly botName: string }): Bot => ({
  ...bot,
  singles: new Map(),
  groups: new Map(),
  callbacks: new Map(),
  taskIds: new Set(),
  offline: [],
  active: undefined
})

const makeConversation = (kind: "single" | "group", id: string): ConversationState => ({
  kind,
  id,
  members: new Set(kind === "single" ? [id] : []),
  bubbles: [],
  quota: Quota.make(),
  hasUserMessage: false
})

const getOrMake = (map: Map<string, ConversationState>, kind: "single" | "group", id: string): ConversationState => {
  const known = map.get(id)
  if (known !== undefined) return known
  const made = makeConversation(kind, id)
  map.set(id, made)
  return made
}

/** @internal */
export const single = (bot: Bot, userid: string): ConversationState => getOrMake(bot.singles, "single", userid)

/** @internal */
export const group = (bot: Bot, chatid: string): ConversationState => getOrMake(bot.groups, "group", chatid)
