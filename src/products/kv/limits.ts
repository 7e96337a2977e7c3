/** Numbers of KV: `workers-semantics.md` 7 and `workerd-bindings.md` 4.1 where nothing else is said. */

export const MAX_KEY_BYTES = 512;
/** Of a value. */
export const MAX_VALUE_BYTES = 25 * 1024 * 1024;
/** Of the metadata's JSON text. */
export const MAX_METADATA_BYTES = 1024;
/** An expiration must be at least so far ahead. */
export const MIN_TTL_S = 60;
export const MIN_CACHE_TTL_S = 30;
/** Keys of a page of a list. */
export const MAX_LIST_KEYS = 1000;
/** Keys of one bulk read. */
export const MAX_BULK_KEYS = 100;
/** Values of one bulk read, together. */
export const MAX_BULK_BYTES = MAX_VALUE_BYTES;
/** Pairs or keys of one bulk write over the API. */
export const MAX_BULK_PAIRS = 10_000;
/** JSON of one bulk write over the API. */
export const MAX_BULK_WRITE_BYTES = 100_000_000;
export const MAX_NAMESPACES = 1000;
/** Characters of a namespace's title. */
export const MAX_TITLE_CHARS = 512;

// Own from here on.

/** Values up to this size stand in the database, where reading them is one look-up; larger ones are files. */
export const MAX_INLINE_BYTES = 64 * 1024;
/** Bytes of a value that wait to be written to its file before the sender is paused. */
export const MAX_QUEUED_BYTES = 512 * 1024;
/** A value that is too large is read on up to here, so that the sender comes to see the answer. */
export const MAX_DRAINED_BYTES = 4 * MAX_VALUE_BYTES;
/** JSON of a bulk read: 100 keys of 512 bytes, each byte escaped. */
export const MAX_BULK_REQUEST_BYTES = 512 * 1024;
/** One batch of a bulk write between the platform's processes. */
export const MAX_BATCH_BYTES = 4 * 1024 * 1024;
/** Namespaces that are open at once: three descriptors and some 100 KB each. */
export const MAX_OPEN_NAMESPACES = 250;
/** How often expired keys of open namespaces are removed, and of all namespaces. */
export const SWEEP_MS = 30_000;
export const SWEEP_ALL_MS = 15 * 60_000;
/** Rows that one step of it removes, and steps of one round: other work goes on between steps. */
export const SWEEP_ROWS = 500;
export const SWEEP_STEPS = 40;
/** A file of a value that was announced and is named by no key after this time is removed. */
export const ARRIVAL_MS = 10 * 60_000;
