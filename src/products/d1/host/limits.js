// @ts-check
/** Bounds inside a SQLite host. */

/** SQLite's own run-time limits, set to the documented ones (`workers-semantics.md` 8.1 and 9). */
export const sqliteLimits = {
  length: 2_000_000,
  sqlLength: 100_000,
  column: 100,
  variableNumber: 100,
  functionArg: 127,
  likePatternLength: 50,
  compoundSelect: 5,
  exprDepth: 100,
  triggerDepth: 10,
  // The authorizer refuses it, in clearer words than the limit; VACUUM is one too.
  attach: 1,
};

export const PAGE_BYTES = 4096;
/** Page cache of one open database. */
export const CACHE_KIB = 512;
/** Prepared statements of one open database. */
export const MAX_STATEMENTS = 100;
/** Statements of one database whose cost is added up. */
export const MAX_INSIGHTS = 500;
/** Of their texts, this much is kept; and of the texts of all databases of a process together. */
export const INSIGHT_SQL_CHARACTERS = 2000;
export const MAX_INSIGHT_CHARACTERS = 4_000_000;
/** Databases open at a time: each has five file descriptors and about 0.35 MB (measured), most of it SQLite's own. */
export const MAX_OPEN = 100;
/** A database that nobody asked for this long is closed. */
export const IDLE_MS = 60_000;
/** A directory may be removed under an open database; how often that is looked at. */
export const EXISTS_CHECK_MS = 250;
/** Another process that archives or checkpoints the same database is done within this. */
export const LOCK_TIMEOUT_MS = 10_000;

/** Frames in the WAL from which it is moved to the archive when there is a pause, and at once. */
export const ROTATE_FRAMES = 1000;
export const ROTATE_NOW_FRAMES = 8000;
/** Frames compressed together. */
export const CHUNK_FRAMES = 1000;
/** Compressed bytes of segments after which a base is made, if the database itself is not larger. */
export const BASE_AFTER_BYTES = 16 * 1024 * 1024;

/** Of a statement that fails, what an import shows. */
export const SHOWN_SQL_CHARACTERS = 80;
/** Bytes of an import file read at a time. */
export const IMPORT_CHUNK_BYTES = 1024 * 1024;
/** One statement of an import: a row of a dump has blobs of 2 MB in hexadecimal. */
export const IMPORTED_SQL_BYTES = 5_000_000;
