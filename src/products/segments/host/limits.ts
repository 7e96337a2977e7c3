/** Own bounds of the hosts that query and pack rows. */

/** Rows of a result, and bytes of its text. */
export const MAX_ROWS = 100_000;
export const MAX_RESULT_BYTES = 32 * 1024 * 1024;
/** Memory that the engine may use; what needs more is refused. Nothing is swapped to disk. */
export const MEMORY_MB = 512;
export const THREADS = 2;
/** A query is read anew when files of it were packed away meanwhile. */
export const MAX_ATTEMPTS = 4;
/** Packed files of a day up to this size are packed together, once there are so many. */
export const MERGED_BYTES = 64 * 1024 * 1024;
export const MERGED_FILES = 8;
