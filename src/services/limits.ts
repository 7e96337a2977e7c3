/** Link connections that one runner may have open at once: each call through a service binding is one. */
export const MAX_LINK_CONNECTIONS = 1000;

/** Connections that one runner may have open at once to the homes of others: one for each object that it has used lately. */
export const MAX_HOME_CONNECTIONS = 10_000;

/** Contents of static assets kept in memory for `env.ASSETS`. */
export const ASSET_CACHE_BYTES = 16 * 1024 * 1024;

/** How often a call that has not begun is sent to another runner because the first was just stopping. */
export const MAX_ATTEMPTS = 3;

/** The same for a connection to a home: it may move meanwhile, which takes longer than a runner that is replaced. */
export const MAX_HOME_ATTEMPTS = 40;

/** Time between such attempts: long enough for the supervisor to learn that a runner has ended. */
export const RETRY_DELAY_MS = 25;

/** A callee must be ready within this time, its start included. */
export const ACQUIRE_TIMEOUT_MS = 20_000;

/** When the role is told to end, calls in flight have this long. */
export const DRAIN_TIMEOUT_MS = 30_000;

/** Connections to its back-ends that one runner may have open at once. */
export const MAX_BACKEND_CONNECTIONS = 1000;

/** Connections to the edge that one runner may have open at once, for addresses of one scheme. */
export const MAX_OUTBOUND_CONNECTIONS = 1000;

/** Time after which a cache that could not be opened is tried again. */
export const CACHE_RETRY_MS = 10_000;

/** SQLite hosts of one account. One is the rule; more come when one is busy. */
export const MAX_HOSTS_PER_ACCOUNT = 4;
/** A host that works on a request for longer is relieved of the databases that wait behind it. */
export const BUSY_HOST_MS = 50;
/** And another is started for them after this: about what a start takes. */
export const ANOTHER_HOST_MS = 100;
/** Further ones when all have been stuck for so long, while the machine has this much memory available. */
export const MAX_EXTRA_HOSTS_PER_ACCOUNT = 4;
export const EXTRA_HOST_MS = 1000;
export const EXTRA_HOST_MEMORY_BYTES = 1024 * 1024 * 1024;
/** When no host may be added and others wait, a query that only reads may be ended after this time. */
export const STARVING_MS = 5000;
/** How often that is looked at. */
export const DATABASE_TICK_MS = 20;
/** A host that nobody needed for this long is ended. */
export const HOST_IDLE_MS = 5 * 60_000;
/** Requests for databases of one account that wait or run. */
export const MAX_DATABASE_QUEUE = 1000;
/** And their bytes; a single request may be as large as requests may be. */
export const MAX_DATABASE_QUEUE_BYTES = 64 * 1024 * 1024;
/** Requests of one database that are sent to a host before the first is answered. */
export const MAX_PIPELINED = 32;

/** Versions of callees that one runner asked for by name and that have a socket of their own; others are chosen by share. */
export const MAX_VERSION_LINKS = 256;
