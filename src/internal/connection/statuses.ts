/**
 * The status of a connection, and its changes for those who look on.
 */
import * as Effect from "effect/Effect"
import * as Mailbox from "effect/Mailbox"
import * as Stream from "effect/Stream"
import type { Status } from "../../Connection.js"

/** @internal */
export class Statuses {
  private current: Status
  private onlookers: Set<Mailbox.Mailbox<Status>> | undefined

  constructor(first: Status) {
    this.current = first
  }

  get(): Status {
    return this.current
  }

  set(next: Status): void {
    this.current = next
    for (const onlooker of this.onlookers ?? []) onlooker.unsafeOffer(next)
  }

  /** The status now, then every change. */
  changes(): Stream.Stream<Status> {
    return Stream.unwrapScoped(Effect.map(
      Effect.acquireRelease(
        Effect.map(Mailbox.make<Status>(), (mailbox) => {
          mailbox.unsafeOffer(this.current)
          this.onlookers = (this.onlookers ?? new Set()).add(mailbox)
          return mailbox
        }),
        (mailbox) =>
          Effect.suspend(() => {
            this.onlookers?.delete(mailbox)
            return mailbox.shutdown
          })
      ),
      (mailbox) => Mailbox.toStream(mailbox)
    ))
  }
}
