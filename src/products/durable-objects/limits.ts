/** Numbers of Durable Objects' registry and inspection (`workers-semantics.md` 8.1) unless said otherwise. */

/** Classes of an account. */
export const MAX_CLASSES = 500;
/** Length of a class's name. Ours. */
export const MAX_CLASS_NAME_LENGTH = 256;
/** Steps of one upload's migrations, and entries of its `exports`. Ours. */
export const MAX_LIFECYCLE_ENTRIES = 1_000;

/** Objects that one page of a namespace's list may have. */
export const MAX_LISTED_OBJECTS = 10_000;
export const LISTED_OBJECTS = 1_000;
/** Directory entries that are read for a list or a sum; what is beyond them is not counted. Ours. */
export const MAX_SCANNED_FILES = 1_000_000;

/** An object whose file is no larger than an empty database has no data. */
export const EMPTY_FILE_BYTES = 4_096;

/** Time, rows and answer of one inspection. Ours. */
export const INSPECTION_MS = 5_000;
export const INSPECTED_ROWS = 1_000;
export const INSPECTION_BYTES = 2_000_000;
/** Temporary file of what an inspection sorts or materializes. Ours. */
export const INSPECTION_FILE_BYTES = 64 * 1024 * 1024;
/** Bytes of one value that are shown. Ours. */
export const INSPECTED_VALUE_BYTES = 65_536;
/** Statement length, as in the object itself. */
export const MAX_STATEMENT_BYTES = 100_000;
/** Inspections at once, each a process. Ours. */
export const MAX_INSPECTIONS = 4;
