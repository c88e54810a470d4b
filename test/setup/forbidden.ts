import { globalValue } from "effect/GlobalValue"

/** Words that no log may contain, besides what looks like a media key or a pre-signed link. */
export const forbidden: Set<string> = globalValue("effect-wecom/test/forbidden", () => new Set<string>())

/** What was logged all the same. */
export const leaks: Array<string> = globalValue("effect-wecom/test/leaks", () => [])
