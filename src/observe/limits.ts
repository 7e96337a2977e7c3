/** Largest report of a runner: a million characters (`workerd/tail.worker.js`) of up to three bytes, and some. */
export const MAX_REPORT_BYTES = 4 * 1024 * 1024;
/** Reports of one account beyond this are answered late, so that its runners drop what they cannot keep meanwhile. */
export const REPORT_BYTES_PER_SECOND = 4 * 1024 * 1024;
/** What an account may report at once after a pause. */
export const REPORT_BURST_BYTES = 4 * 1024 * 1024;
/** A report is answered by then; a runner waits for that with the next. */
export const MAX_REPORT_DELAY_MS = 5000;
