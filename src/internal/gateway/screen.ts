/**
 * What people see: conversations and the bubbles in them.
 */

/**
 * One message as its chat shows it, by a user or by the bot. A snapshot: it does not change after it was handed out.
 *
 * @since 0.1.0
 * @category screen
 */
export interface Bubble {
  /**
   * Unique in its gateway; later bubbles have other ids.
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
   * Its whole text as it stands now, `<think>` blocks included. Empty for media and for cards alone.
   */
  readonly text: string
  /**
   * Every text it has had, the present one last.
   */
  readonly history: ReadonlyArray<string>
  /**
   * Whether it can no longer grow. Only an unfinished stream is not sealed.
   */
  readonly sealed: boolean
  /**
   * Whether the chat shows the "thinking" animation because there is nothing else to show. On a sealed bubble it stays
   * for ever: that is what a final frame without a visible character does.
   */
  readonly thinking: boolean
  /**
   * The template card, as the viewer sees it after updates.
   */
  readonly card: { readonly [field: string]: any } | undefined
  /**
   * What a media message carries, for example `{ media_id }` from the bot and `{ url, aeskey }` from a user; the list of
   * items of a mixed message; the `msg_item` of a stream.
   */
  readonly media: any
  /**
   * What the message quotes, as the callback carried it.
   */
  readonly quote: any
  /**
   * The `req_id` of the callback it belongs to: a user's message has one, and so do its answers. A push has none.
   */
  readonly reqId: string | undefined
  /**
   * The id of the stream.
   */
  readonly streamId: string | undefined
  /**
   * The id that feedback on it will carry.
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
  readonly reqId: string | undefined
  readonly streamId: string | undefined
  feedbackId: string | undefined
  /** The snapshots since it changed last, by viewer. */
  readonly snapshots: Map<string | undefined, Bubble>
}

const invisible = /[\s\u00ad\u200b-\u200f\u2060-\u2064\ufeff]/g

/** An unclosed think block swallows everything after it. */
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
