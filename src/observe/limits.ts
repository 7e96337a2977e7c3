/** Largest report of a runner: a million characters (`workerd/tail.worker.js`) of up to three bytes, and some. */
export const MAX_REPORT_BYTES = 4 * 1024 * 1024;
/** Reports of one account beyond this are answered late, so that its runners drop what they cannot keep meanwhile. */
export const REPORT_BYTES_PER_SECOND = 4 * 1024 * 1024;
/** What an account may report at once after a pause. */
export const REPORT_BURST_BYTES = 4 * 1024 * 1024;
/** What a report counts for beside its bytes: many small ones are work, too. Late answers make them fewer and larger. */
export const REPORT_BASE_BYTES = 2 * 1024;
/** A report is answered by then; a runner waits for that with the next. When that much waits already, reports are refused. */
export const MAX_REPORT_DELAY_MS = 5000;

/** One call of a Tail Worker. */
export const MAX_TAIL_CALL_ITEMS = 100;
export const MAX_TAIL_CALL_CHARS = 1024 * 1024;
/** Calls of one Tail Worker at a time, and how long each may take. */
export const MAX_TAIL_CALLS = 4;
export const TAIL_CALL_MS = 60_000;
/** What waits for one Tail Worker. */
export const MAX_TAIL_QUEUE_CHARS = 4 * 1024 * 1024;
/** Pause after a call that could not begin. */
export const TAIL_PAUSE_MS = 1000;
/** What was lost is told once in this time. */
export const TAIL_LOG_MS = 60_000;

/** Invocations that are told of, of those that ended with one runner. */
export const MAX_TOLD_OF_RUNNER = 20;
/** Such runners of which is remembered how many that were. */
export const MAX_TOLD_RUNNERS = 1000;
/** When nobody has told of an invocation by then, the end of the runner stands for it. */
export const UNSEEN_MS = 2000;
