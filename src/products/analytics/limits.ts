/**
 * Numbers of Analytics Engine. That a data point has 20 blobs (16 KB in all), 20 doubles and one index of 96 bytes at most is
 * kept by the runtime itself, which leaves out what is larger; `workers-semantics.md` 19 has all of them.
 */

/** Own: the SQL of one query. */
export const MAX_SQL_BYTES = 64 * 1024;
/** Own: the time of one query. */
export const QUERY_MS = 30_000;
/** Own: the time to pack one day of one dataset. */
export const PACK_MS = 10 * 60_000;

/** The runtime's JSON of a data point: blobs are lists of bytes, four characters each at most. */
export const MAX_POINT_BYTES = 128 * 1024;

/** Data points of one index that are kept as they are, in a second. */
export const FULL_RATE = 1000;
/** Of so many times more, one in so many is kept, and again beyond that. */
export const SAMPLING_STEP = 10;
/** The largest interval. */
export const MAX_INTERVAL = 1000;
/** Indexes that are counted one by one in a second; further ones of a dataset are one. */
export const MAX_COUNTED_INDEXES = 10_000;
/** Data points that a dataset keeps in a second; more are dropped, and the log says how many. */
export const MAX_KEPT_RATE = 20_000;

/** Lines wait so long to be written together. */
export const WRITE_DELAY_MS = 20;
/** And written ones to be on disk for certain. */
export const SYNC_DELAY_MS = 1000;
/** Bytes that wait to be written, of all datasets; more are dropped. */
export const MAX_WAITING_BYTES = 16 * 1024 * 1024;
/** A segment of this size is full. */
export const SEGMENT_BYTES = 8 * 1024 * 1024;
/** Files of segments that are open at once. */
export const MAX_OPEN_SEGMENTS = 200;
/** A dataset of an account is made by a deployed binding and the first data point. */
export const MAX_DATASETS = 500;

/** How often what is full, past or too old is looked for. */
export const KEEP_MS = 60_000;
/** A host that packed everything, or answered everything, ends after this time. */
export const PACKER_IDLE_MS = 10_000;
export const QUERY_HOST_IDLE_MS = 60_000;
