/**
 * Numbers of Analytics Engine. That a data point has 20 blobs (16 KB in all), 20 doubles and one index of 96 bytes at most is
 * kept by the runtime itself, which leaves out what is larger; `workers-semantics.md` 19 has all of them.
 */

/** Own: the SQL of one query. */
export const MAX_SQL_BYTES = 64 * 1024;

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

/** A dataset of an account is made by a deployed binding and the first data point. */
export const MAX_DATASETS = 500;
