/** Numbers of R2: `workers-semantics.md` 10.1 and `workerd-bindings.md` 4.2 where nothing else is said. */

const MIB = 1024 * 1024;

export const BUCKET_NAME = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/;
export const MAX_BUCKETS = 1_000_000;
export const MAX_KEY_BYTES = 1024;
/** Names and values of custom metadata together. */
export const MAX_METADATA_BYTES = 8192;
/** Of an object in one piece, and of a part: 4.995 GiB. */
export const MAX_PUT_BYTES = 5 * 1024 * MIB - 5 * MIB;
/** Of an object made of parts: 4.995 TiB. */
export const MAX_OBJECT_BYTES = 5 * 1024 * 1024 * MIB - 5 * 1024 * MIB;
export const MAX_PARTS = 10_000;
/** Of every part but the last. */
export const MIN_PART_BYTES = 5 * MIB;
/** Objects and prefixes of one page of a list, and keys of one deletion. */
export const MAX_LIST_KEYS = 1000;
export const MAX_DELETE_KEYS = 1000;
/** Rules of a bucket: lifecycle, locks, and event notifications. */
export const MAX_LIFECYCLE_RULES = 1000;
export const MAX_LOCK_RULES = 1000;
export const MAX_NOTIFICATION_RULES = 100;
export const MAX_CUSTOM_DOMAINS = 50;

/** JSON that the runtime reads before an object's bytes. */
export const MAX_WIRE_BYTES = 1024 * 1024;

// Own from here on.

/** A body that is not wanted is read on up to here, so that the sender comes to see the answer. */
export const MAX_DISCARDED_BYTES = 64 * MIB;

/** Objects up to this size stand in the index itself, where reading and writing them is one step; larger ones are files. */
export const MAX_INLINE_BYTES = 16 * 1024;
/** An upload's part and an object's content that was announced and is named by nothing after this time is removed. */
export const ARRIVAL_MS = 10 * 60_000;
/** Buckets whose index is open at once: three descriptors and some 200 KB each. */
export const MAX_OPEN_BUCKETS = 250;
/** One that somebody asked for so lately stays open beyond that: it may be in use. */
export const KEPT_OPEN_MS = 60_000;
/** From so many open ones on, idle buckets are closed after a second: descriptors are everybody's. */
export const CROWD_OF_OPEN_BUCKETS = 1000;
export const KEPT_OPEN_IN_CROWD_MS = 1000;
/** Beyond, a bucket that is not open has to wait: 6,000 descriptors and 400 MB. */
export const MOST_OPEN_BUCKETS = 2000;
/** How often contents that nobody names are removed, of open buckets and of all. */
export const SWEEP_MS = 30_000;
export const SWEEP_ALL_MS = 15 * 60_000;
/** Files that one step of it removes: other work goes on between steps. */
export const SWEEP_FILES = 200;
/** Notices of changes that are told at once. */
export const NOTICES_BATCH = 100;
/** How often lifecycle rules are looked at: the original does within a day. */
export const LIFECYCLE_MS = 60 * 60_000;
/** Objects of one step of it. */
export const LIFECYCLE_BATCH = 500;
/** Rows that a list reads at once. */
export const LIST_BATCH = 1001;
