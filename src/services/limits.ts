/** Link connections that one runner may have open at once: each call through a service binding is one. */
export const MAX_LINK_CONNECTIONS = 1000;

/** Contents of static assets kept in memory for `env.ASSETS`. */
export const ASSET_CACHE_BYTES = 16 * 1024 * 1024;

/** How often a call that has not begun is sent to another runner because the first was just stopping. */
export const MAX_ATTEMPTS = 3;

/** Time between such attempts: long enough for the supervisor to learn that a runner has ended. */
export const RETRY_DELAY_MS = 25;

/** A callee must be ready within this time, its start included. */
export const ACQUIRE_TIMEOUT_MS = 20_000;

/** When the role is told to end, calls in flight have this long. */
export const DRAIN_TIMEOUT_MS = 30_000;

/** Released instances that are remembered until they are gone. */
export const MAX_RELEASED = 1000;
