import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"

/**
 * `Config.unwrap` that fails with a `ConfigError` when it is given something else than a record of Configs.
 *
 * @internal
 */
export const unwrap = <A>(options: Config.Config.Wrap<A>): Effect.Effect<A, ConfigError.ConfigError> =>
  Effect.suspend(() => {
    try {
      return Config.unwrap(options)
    } catch {
      return Effect.fail(ConfigError.InvalidData([], "must be options, Configs of them, or a mixture of both"))
    }
  })
