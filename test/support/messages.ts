/** Messages that users send, and how a test takes them. */
import { Effect, Queue, Stream } from "effect"
import { WecomBot } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"

/** Subscribes to a stream in the background; the effect takes its next element. */
export const collect = <A, E, R>(stream: Stream.Stream<A, E, R>) =>
  Effect.gen(function*() {
    const queue = yield* Queue.unbounded<A>()
    yield* Stream.runForEach(stream, (element) => Queue.offer(queue, element)).pipe(Effect.ignore, Effect.forkScoped)
    return Queue.take(queue)
  })

/** Alice, a message of hers, and how to take the next one. */
export const asked = Effect.gen(function*() {
  const alice = yield* TestGateway.user("alice")
  const next = yield* collect(WecomBot.messages)
  yield* alice.sendText("hi")
  const message = yield* next
  return { alice, next, message }
})
