/**
 * The bubbles that users see.
 */
import type * as Frame from "../../Frame.js"

/**
 * One message of a user or the bot as the chat shows it. A snapshot, which does not change.
 *
 * @since 0.1.0
 * @category screen
 */
export interface Bubble {
  /**
   * Unique in its gateway.
   */
  readonly id: string
  /**
   * The `msgtype` it was sent with: `stream`, `markdown`, `text`, `template_card`, `stream_with_template_card`, `image`,
   * `file`, `voice`, `video` or `mixed`.
   */
  readonly kind: string
  /**
   * `"bot"`, or the userid of the author.
   */
  readonly from: string
  /**
   * When it appeared, in milliseconds of Effect's Clock.
   */
  readonly at: number
  /**
   * The whole text at present, including `<think>` blocks. Empty for media and for a card without text.
   */
  readonly text: string
  /**
   * All texts of the bubble, the present one last.
   */
  readonly history: ReadonlyArray<string>
  /**
   * Whether it can no longer grow. Only an unfinished stream is not sealed.
   */
  readonly sealed: boolean
  /**
   * Whether the chat shows the "thinking" animation because the bubble has nothing visible. After a final frame without a
   * visible character it never ends.
   */
  readonly thinking: boolean
  /**
   * The template card, as the viewer sees it after updates.
   */
  readonly card: { readonly [field: string]: any } | undefined
  /**
   * The media of a message, for example `{ media_id }` from the bot and `{ url, aeskey }` from a user; the list of
   * items of a mixed message; the `msg_item` of a stream.
   */
  readonly media: any
  /**
   * The quote of the message, as it was in the callback.
   */
  readonly quote: any
  /**
   * The `req_id` of its callback. A user's message and its answers have one, a push has none.
   */
  readonly reqId: Frame.ReqId | undefined
  /**
   * The id of the stream.
   */
  readonly streamId: string | undefined
  /**
   * The id of feedback on it.
   */
  readonly feedbackId: string | undefined
}

/** @internal */
export interface BubbleState {
  readonly id: string
  readonly kind: string
  readonly from: string
  readonly at: number
  text: string
  history: Array<string>
  sealed: boolean
  card: { readonly [field: string]: unknown } | undefined
  /** Cards that an update showed to some users only. */
  readonly cardsFor: Map<string, { readonly [field: string]: unknown }>
  media: unknown
  readonly quote: unknown
  readonly reqId: Frame.ReqId | undefined
  readonly streamId: string | undefined
  feedbackId: string | undefined
  /** The snapshots since it changed last, by viewer. */
  readonly snapshots: Map<string | undefined, Bubble>
}

const invisible = /[\s\u00ad\u200b-\u200f\u2060-\u2064\ufeff]/g

/** An unclosed block extends to the end of the text. */
const thinkBlocks = /<think>[\s\S]*?(<\/think>|$)/g

/** @internal */
export const hasVisibleText = (text: string): boolean => text.replace(thinkBlocks, "").replace(invisible, "").length > 0

/**
 * The bubble as `viewer` sees it.
 *
 * @internal
 */
export const snapshot = (state: BubbleState, viewer: string | undefined): Bubble => {
  const known = state.snapshots.get(viewer)
  if (known !== undefined) return known
  const made = make(state, viewer)
  state.snapshots.set(viewer, made)
  return made
}

const make = (state: BubbleState, viewer: string | undefined): Bubble => {
  const card = (viewer === undefined ? undefined : state.cardsFor.get(viewer)) ?? state.card
  return {
    id: state.id,
    kind: state.kind,
    from: state.from,
    at: state.at,
    text: state.text,
    history: [...state.history],
    sealed: state.sealed,
    thinking: state.streamId !== undefined && card === undefined && state.media === undefined &&
      !hasVisibleText(state.text),
    card,
    media: state.media,
    quote: state.quote,
    reqId: state.reqId,
    streamId: state.streamId,
    feedbackId: state.feedbackId
  }
}
