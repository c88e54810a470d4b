/**
 * One source, many subscribers. What comes before anybody subscribed is held and goes to the first; each subscriber has a
 * buffer that drops its oldest, and every drop is counted.
 */
import * as Effect from "effect/Effect"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/** @internal */
export interface Broadcast<A, E> {
  readonly unsafePublish: (value: A) => void
  readonly subscribe: Effect.Effect<Mailbox.ReadonlyMailbox<A, E>, never, Scope.Scope>
  /** Built when it is asked for, as every bot has several and uses few. */
  readonly stream: Stream.Stream<A, E>
  /** Ends all subscriptions, present and future, after what they still hold. */
  readonly end: (how: Option.Option<E>) => Effect.Effect<void>
}

/** @internal */
export const make = <A, E>(capacity: number, onDrop: () => void): Broadcast<A, E> => {
  const subscribers = new Set<Mailbox.Mailbox<A, E>>()
  const held: Array<A> = []
  let ended: Option.Option<Option.Option<E>> = Option.none()

  const offer = (mailbox: Mailbox.Mailbox<A, E>, value: A) => {
    if (Option.getOrElse(mailbox.unsafeSize(), () => 0) >= capacity) onDrop()
    mailbox.unsafeOffer(value)
  }

  const finish = (mailbox: Mailbox.Mailbox<A, E>, how: Option.Option<E>): Effect.Effect<void> =>
    Option.isNone(how) ? Effect.asVoid(mailbox.end) : Effect.asVoid(mailbox.fail(how.value))

  const subscribe = () =>
    Effect.acquireRelease(
      Effect.gen(function*() {
        const mailbox = yield* Mailbox.make<A, E>({ capacity, strategy: "sliding" })
        for (const value of held.splice(0)) mailbox.unsafeOffer(value)
        if (Option.isSome(ended)) yield* finish(mailbox, ended.value)
        else subscribers.add(mailbox)
        return mailbox
      }),
      (mailbox) =>
        Effect.suspend(() => {
          subscribers.delete(mailbox)
          return mailbox.shutdown
        })
    )

  return {
    get subscribe() {
      return subscribe()
    },
    get stream() {
      return Stream.unwrapScoped(Effect.map(subscribe(), (mailbox) => Mailbox.toStream(mailbox)))
    },
    unsafePublish: (value) => {
      if (subscribers.size > 0) {
        for (const mailbox of subscribers) offer(mailbox, value)
        return
      }
      if (held.length >= capacity) {
        held.shift()
        onDrop()
      }
      held.push(value)
    },
    end: (how) =>
      Effect.suspend(() => {
        if (Option.isSome(ended)) return Effect.void
        ended = Option.some(how)
        const open = [...subscribers]
        subscribers.clear()
        return Effect.forEach(open, (mailbox) => finish(mailbox, how), { discard: true })
      })
  }
}
