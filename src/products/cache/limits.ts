/** Bounds of the Cache API. */

/** Largest response (`workers-semantics.md` 4.1: "object 512 MB"). */
export const MAX_RESPONSE_BYTES = 512 * 1024 * 1024;
/** Status line and headers of a response that is put, as for any message (`lib/http/limits.ts`). */
export const MAX_RESPONSE_HEAD_BYTES = 128 * 1024;

/** Bodies up to this size are kept in the index itself: a hit then opens no file. Own. */
export const INLINE_BODY_BYTES = 32 * 1024;

/** What an entry takes beside head and body: its row and its places in the indexes. Own, rounded up. */
export const ENTRY_OVERHEAD_BYTES = 1024;

/** Responses to one URL that differ by `Vary`. Own. */
export const MAX_VARIANTS = 32;

/** Use is noted this often: who was used last is known to a minute, and a hit seldom writes. Own. */
export const USE_NOTED_MS = 60_000;

/** Bytes of a body that wait for the disk before reading pauses. Own. */
export const MAX_WAITING_BYTES = 256 * 1024;

/** Entries removed at once when there is no more room. Own. */
export const EVICTION_BATCH = 64;

/** Entries removed at once by a purge, between which others are served. Own. */
export const PURGE_BATCH = 500;

/**
 * How long a response is fresh that does not say it, in seconds, by status. Source: the original's documentation of its cache,
 * "default cache behavior". All others are not kept.
 */
export const DEFAULT_FRESH_SECONDS: Readonly<Record<number, number>> = {
  200: 7200,
  301: 7200,
  302: 1200,
  303: 1200,
  404: 180,
  410: 180,
};

/** Longest freshness, whatever a response says: a year, and so a date that all clocks can tell. */
export const MAX_FRESH_SECONDS = 31_536_000;
