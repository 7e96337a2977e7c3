/**
 * Numbers of the D1 API, each with its source. `documented`: Cloudflare's public documentation
 * (workers-semantics.md 9); `client`: what wrangler does (wrangler-api.md 5.4); `own`: Freehold's bound.
 */

/** Databases of an account (documented). */
export const MAX_DATABASES = 50_000;
/** Characters of a name. Own: the original publishes none. */
export const MAX_NAME_CHARS = 128;
/** Databases on a page of the list. wrangler asks for 10, and for 1,000 when it provisions. Own default: the original's 100. */
export const PAGE_SIZES = { default: 100, max: 10_000 };

/** Statements of one request to `query` or `raw`. Own: each is also bound by its size and by the body's. */
export const MAX_STATEMENTS = 10_000;

/** What a call may take beyond the query's own limit: waiting for its turn and for the database to be opened. Own. */
export const CALL_MARGIN_MS = 30_000;
/** Calls that move a whole database: import, export, restore. Own: 5 GB take minutes. */
export const BULK_TIMEOUT_MS = 3_600_000;

/** Bytes of an imported file (documented). */
export const MAX_IMPORT_BYTES = 5_000_000_000;
/** Room that imports and exports leave on the disk: the smaller of this and this share of it. Own. */
export const MIN_FREE_BYTES = 1_000_000_000;
export const MIN_FREE_SHARE = 0.05;
/** While an upload comes, the room is looked at again after so many bytes. Own. */
export const ROOM_CHECK_BYTES = 64 * 1024 * 1024;
/** How long the addresses of an upload and of a download hold. Client: it tells people "one hour". */
export const TRANSFER_LIFE_MS = 3_600_000;
/** Imports and exports that run at one time, of all accounts. Own. */
export const MAX_ACTIVE_JOBS = 64;
/** Of one account: each holds a SQLite host, and some must be left for queries. Own. */
export const MAX_ACCOUNT_JOBS = 3;
/** Finished imports and exports whose outcome can still be asked for. Own. */
export const MAX_FINISHED_JOBS = 1000;
/** The client polls without a pause, so the server holds the answer this long ("about a second", wrangler-api.md 5.4). */
export const POLL_HOLD_MS = 1000;
/** Tables that one export may name. Own. */
export const MAX_EXPORT_TABLES = 10_000;

/** Databases whose statements are gathered for insights about a whole account, newest first. Own: each is opened for it. */
export const MAX_INSIGHT_DATABASES = 100;
/** Rows of one answer about statements. Own; wrangler asks for 5. */
export const MAX_INSIGHT_ROWS = 10_000;
/** Databases asked for insights at one time. Own. */
export const PARALLEL_INSIGHTS = 8;
