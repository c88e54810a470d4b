/**
 * Hot path. A question whose Effect waits for nothing may be asked without one. The answer belongs to that very
 * function, not to its service, so that whoever puts another function in its place is asked himself.
 */
import type * as Effect from "effect/Effect"

type Question = (value: string) => Effect.Effect<boolean>
type Answer = (value: string) => boolean

const answers = new WeakMap<Question, Answer>()

/** @internal */
export const mark = (question: Question, answer: Answer): Question => {
  answers.set(question, answer)
  return question
}

/** @internal */
export const of = (question: Question): Answer | undefined => answers.get(question)
