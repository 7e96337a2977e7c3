/** Bounds of rate limiting. Source of the first two: `workers-semantics.md` 15. */

/** Lengths of a window, in seconds. */
export const PERIODS = [10, 60] as const;

/** Largest limit, and largest weight of a call: an unsigned 32-bit number. */
export const MAX_LIMIT = 0xffff_ffff;

/** Digits of a namespace's id: enough for any 64-bit number. */
export const NAMESPACE_ID = /^\d{1,20}$/;

/** Bytes of a key. A URL or a token fits; what is longer was not meant as a key. */
export const MAX_KEY_BYTES = 16 * 1024;

/** Keys of one account that are counted one by one in a window: about 100 bytes each. */
export const MAX_ACCOUNT_KEYS = 100_000;
/** The same for all accounts together. */
export const MAX_KEYS = 200_000;
/** Counters that further keys of a namespace share. */
export const SHARED_COUNTERS = 4096;
