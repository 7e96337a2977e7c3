/** Bounds of live logs. The original's (`workers-semantics.md` 6.3) unless said otherwise. */

/** Sessions of a script at one time. */
export const MAX_SESSIONS_PER_SCRIPT = 10;
/** Sessions of an account, so that nobody takes those of all others. Ours. */
export const MAX_SESSIONS_PER_ACCOUNT = 100;
/** Sessions of all accounts together. Ours. */
export const MAX_SESSIONS = 1_000;
/** Filters of a session, and values of one. Ours; the client sends seven at most. */
export const MAX_FILTERS = 20;
/** Of those, filters by text: each is looked for in all that a script logs. Ours; the client sends one at most. */
export const MAX_QUERIES = 2;
export const MAX_FILTER_VALUES = 50;
export const MAX_FILTER_TEXT = 1_000;
/** How long a session lasts. Ours. */
export const SESSION_LIFE_MS = 6 * 3_600_000;
/** How long it waits for its WebSocket. Ours. */
export const ATTACH_MS = 60_000;
/** Bytes that wait for a slow client, or for the WebSocket of a new session; beyond, messages are left out. Ours. */
export const MAX_BUFFERED_BYTES = 1024 * 1024;
/** Messages a second to one client; beyond, it gets a share of them. Ours. */
export const MAX_MESSAGES_PER_SECOND = 1_000;
/** How often clients are asked whether they are there, and sessions looked over. Ours. */
export const PROBE_MS = 15_000;
