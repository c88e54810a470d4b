/**
 * The status of a connection, and the stream of its changes.
 */
import * as Effect from "effect/Effect"
import * as Mailbox from "effect/Mailbox"
import * as Stream from "effect/Stream"
import type { Status } from "../../Connection.js"

/** @internal */
export class Statuses {
  private current: Status
  private subscribers: Set<Mailbox.Mailbox<Status>> | undefined

  constructor(first: Status) {
    this.current = first
  }

  get(): Status {
    return this.current
  }

  set(next: Status): void {
    this.current = next
    for (const subscriber of this.subscribers ?? []) subscriber.unsafeOffer(next)
  }

  /** The status now, then every change. */
  changes(): Stream.Stream<Status> {
    return Stream.unwrapScoped(Effect.map(
      Effect.acquireRelease(
        Effect.map(Mailbox.make<Status>(), (mailbox) => {
          mailbox.unsafeOffer(this.current)
          this.subscribers = (this.subscribers ?? new Set()).add(mailbox)
          return mailbox
        }),
        (mailbox) =>
          Effect.suspend(() => {
            this.subscribers?.delete(mailbox)
            return mailbox.shutdown
          })
      ),
      (mailbox) => Mailbox.toStream(mailbox)
    ))
  }
}
