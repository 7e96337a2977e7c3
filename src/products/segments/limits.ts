/** Own numbers of rows on their way to disk (`writer.ts`) and of those that are kept (`keeper.ts`). */

/** Lines wait so long to be written together. */
export const WRITE_DELAY_MS = 20;
/** And written ones to be on disk for certain. */
export const SYNC_DELAY_MS = 1000;
/** Bytes that wait to be written, of all streams of a writer; more are dropped. */
export const MAX_WAITING_BYTES = 16 * 1024 * 1024;
/** A segment of this size is full. */
export const SEGMENT_BYTES = 8 * 1024 * 1024;
/** Files of segments that a writer has open at once. */
export const MAX_OPEN_SEGMENTS = 200;
/** How often dropped rows are spoken of. */
export const DROP_LOG_MS = 60_000;

/** The time of one query. */
export const QUERY_MS = 30_000;
/** The time to pack one day of one stream. */
export const PACK_MS = 10 * 60_000;
/** How often what is full, past or too old is looked for. */
export const KEEP_MS = 60_000;
/** A host that packed everything, or answered everything, ends after this time. */
export const PACKER_IDLE_MS = 10_000;
export const QUERY_HOST_IDLE_MS = 60_000;
