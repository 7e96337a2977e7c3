/** Bounds of the Images binding: the original's where its documentation has them (`images/get-started/limits`). */

/** One picture; the original's bound of what the binding takes. */
export const MAX_PICTURE_BYTES = 20 * 1024 * 1024;
/** All pictures of one call, and the form around them; ours. */
export const MAX_CALL_BYTES = 32 * 1024 * 1024;
/** Width times height times frames; the original's. */
export const MAX_PIXELS = 100_000_000;
/** A side of what comes out; the original's. */
export const MAX_SIDE = 12_000;
/** Pictures of one call: the one that is changed, and those that are drawn on it. Ours. */
export const MAX_PICTURES = 16;
/** Transformations of one call. Ours. */
export const MAX_TRANSFORMS = 64;
/** Calls that are held in memory, and their pictures with them. Ours. */
export const MAX_AT_ONCE = 12;
/** The same, of one account: two that are worked on, and one that comes. */
export const MAX_AT_ONCE_OF_ACCOUNT = 3;
/** Calls of one account that wait for that; more are refused. */
export const MAX_WAITING_OF_ACCOUNT = 200;
/** Longest time of one call in a host, and for its form to come. */
export const CALL_MS = 30_000;
/** A host that nobody needed for so long is ended. */
export const HOST_IDLE_MS = 60_000;
/** Calls of an account that are worked on side by side, each in a host of its own. */
export const LANES = 2;
/** V8 heap of a host: the pictures themselves are not in it. */
export const HOST_HEAP_MB = 192;
/** `RLIMIT_DATA` of a host: a call of {@link MAX_PIXELS} whose picture must be whole in memory, twice. */
export const HOST_DATA_MB = 1600;
