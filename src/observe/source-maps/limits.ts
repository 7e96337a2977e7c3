/** Bounds of looking up source maps; ours. The original takes maps of 15 MB, packed, of any size unpacked. */

/** A larger map is kept with its version, but not used. */
export const MAX_MAP_BYTES = 50 * 1024 * 1024;
/** Maps that are held in memory. */
export const MAX_CACHED_MAPS_BYTES = 64 * 1024 * 1024;
/** Places of all maps whose originals are remembered. */
export const MAX_REMEMBERED_PLACES = 100_000;
/** Characters of one stack that are looked at. */
export const MAX_STACK_LENGTH = 32 * 1024;
/** Stacks of one report that are mapped. */
export const MAX_STACKS = 200;
/** Reports of one account that wait to be mapped; the stacks of more stay as they are. */
export const MAX_WAITING = 64;
/** Processes that read maps, each for one account. */
export const MAX_READERS = 2;
/** An account that has a process gives it up after this, and after what it is at, when another waits for one. */
export const TURN_MS = 1_000;
/** Heap of a process: room for the text of the largest map, and what comes of it. */
export const HEAP_MB = 384;
/** A version whose maps take longer is not mapped any more. */
export const MAX_MAPPING_MS = 5_000;
/** A process ends when nobody has needed it for so long. */
export const IDLE_MS = 60_000;
/** Versions of which is remembered what maps they have. */
export const MAX_REMEMBERED_VERSIONS = 5_000;
