/** Numbers of stored logs. Those of the original are in `workers-semantics.md` 6.2. */

/** The original's: what an invocation logged and threw; beyond, the rest is left out and `$workers.truncated` is set. */
export const MAX_INVOCATION_BYTES = 256 * 1024;
/**
 * Own: what is written of an invocation. Each of its events has the request with it, whose URL may be long: a few kilobytes of
 * logs would be a hundred megabytes.
 */
export const MAX_WRITTEN_CHARS = 4 * 1024 * 1024;
/** Own: lines of one account that are stored in a second, after a burst of ten seconds' worth. More is dropped, and a notice says so. */
export const STORED_BYTES_PER_SECOND = 4 * 1024 * 1024;
export const STORED_BURST_BYTES = 10 * STORED_BYTES_PER_SECOND;
/** Own: the same of one script, so that one cannot take all of its account's. */
export const SCRIPT_BYTES_PER_SECOND = 2 * 1024 * 1024;
export const SCRIPT_BURST_BYTES = 10 * SCRIPT_BYTES_PER_SECOND;
/** Own: how long losses are counted before a notice of them is stored. */
export const NOTICE_DELAY_MS = 5000;
/** Own: scripts whose losses are counted one by one. */
export const MAX_NOTICES = 1000;
/** Own: parameters of a URL that are stored one by one. */
export const MAX_SEARCH_PARAMETERS = 50;

/** Own: a query from control, which all that its schema allows fits into. */
export const MAX_QUERY_BYTES = 4 * 1024 * 1024;
export const MAX_FILTERS = 50;
/** The original's. */
export const MAX_FILTER_DEPTH = 4;
export const MAX_CALCULATIONS = 20;
export const MAX_GROUP_BYS = 10;
export const MAX_KEY_CHARS = 1000;
export const MAX_VALUE_CHARS = 10_000;
/** Events, invocations or groups of an answer. */
export const MAX_RESULTS = 2000;
export const DEFAULT_RESULTS = 50;
export const DEFAULT_GROUPS = 10;
/** Keys and values that are listed. */
export const MAX_LISTED = 10_000;
export const DEFAULT_LISTED = 100;
/** Points of a series. */
export const MAX_GRANULARITY = 500;
