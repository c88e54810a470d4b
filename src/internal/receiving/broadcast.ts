/**
 * One source, many subscribers. Values before the first subscription are held for it. Each subscriber has a buffer that drops
 * its oldest value, and each drop is counted.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/** @internal */
export interface Broadcast<A, E> {
  readonly unsafePublish: (value: A) => void
  readonly subscribe: Effect.Effect<Mailbox.ReadonlyMailbox<A, E>, never, Scope.Scope>
  /** Built when it is read: every bot has several, and uses few. */
  readonly stream: Stream.Stream<A, E>
  /** Ends all present and future subscriptions after the values they still hold. */
  readonly unsafeEnd: (how: Option.Option<E>) => void
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

  const finish = (mailbox: Mailbox.Mailbox<A, E>, how: Option.Option<E>) =>
    mailbox.unsafeDone(Option.isNone(how) ? Exit.void : Exit.fail(how.value))

  const subscribe = () =>
    Effect.acquireRelease(
      Effect.gen(function*() {
        const mailbox = yield* Mailbox.make<A, E>({ capacity, strategy: "sliding" })
        for (const value of held.splice(0)) mailbox.unsafeOffer(value)
        if (Option.isSome(ended)) finish(mailbox, ended.value)
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
    unsafeEnd: (how) => {
      if (Option.isSome(ended)) return
      ended = Option.some(how)
      const open = [...subscribers]
      subscribers.clear()
      for (const mailbox of open) finish(mailbox, how)
    }
  }
}
