/** Bounds on the way to a database. Those of SQL itself stand in `host/limits.js`. */

/** Body of one call of a binding or of the API: 100 statements of the largest size with parameters, and more. */
export const MAX_REQUEST_BYTES = 64 * 1024 * 1024;

/** Time of an operation that works on a whole database: import, export, restore. */
export const WHOLE_DATABASE_MS = 30 * 60_000;
