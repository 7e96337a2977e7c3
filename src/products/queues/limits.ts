/** Numbers of Queues: `workers-semantics.md` 11, `workerd-bindings.md` 4.4 and `wrangler-api.md` 9 where nothing else is said. */

export const MAX_QUEUES = 10_000;
/** Characters of a queue's name. */
export const MAX_NAME_CHARS = 63;
/** Of a message's body. */
export const MAX_MESSAGE_BYTES = 128_000;
/** Messages of one `sendBatch`, and their bytes. */
export const MAX_SEND_MESSAGES = 100;
export const MAX_SEND_BYTES = 288_000;
/** Of a message, and of a retry. Source: the original's error 10203 allows 24 hours, as the client does. */
export const MAX_DELAY_S = 86_400;
export const DEFAULT_RETENTION_S = 4 * 86_400;
export const MIN_RETENTION_S = 60;
export const MAX_RETENTION_S = 14 * 86_400;
/** Of a queue. */
export const MAX_BACKLOG_BYTES = 25_000_000_000;

/** A consumer's batch, in messages. */
export const MAX_BATCH_MESSAGES = 100;
export const DEFAULT_BATCH_MESSAGES = 10;
export const MAX_WAIT_MS = 60_000;
export const DEFAULT_WAIT_MS = 5_000;
export const MAX_RETRIES = 100;
export const DEFAULT_RETRIES = 3;
/** Batches of one consumer that are delivered at once. */
export const MAX_CONCURRENCY = 250;

/** Messages that one pull gets. */
export const DEFAULT_PULL_MESSAGES = 5;
export const DEFAULT_VISIBILITY_MS = 30_000;
export const MAX_VISIBILITY_MS = 12 * 3_600_000;
/** Lease ids of one acknowledgement. */
export const MAX_ACKNOWLEDGED = 1000;

// Own from here on.

/** Bodies of one batch or pull: a batch is full with less messages when they are large. */
export const MAX_BATCH_BYTES = 1024 * 1024;
/** Bodies of all batches of an account that are delivered at once. */
export const MAX_DELIVERING_BYTES = 64 * 1024 * 1024;
/** JSON of a `sendBatch`: bodies in base64, and room for the fields around them. */
export const MAX_SEND_REQUEST_BYTES = 512 * 1024;
/** JSON of a request of control's. */
export const MAX_API_REQUEST_BYTES = 1024 * 1024;
/** Queues that are open at once: four descriptors and some 100 KB each. Those with messages stay open beyond. */
export const MAX_OPEN_QUEUES = 250;
/** A queue that was used so lately stays open. */
export const STAYS_OPEN_MS = 10_000;
/** How often messages that are past their retention are removed: of open queues, and of all. */
export const SWEEP_MS = 30_000;
export const SWEEP_ALL_MS = 15 * 60_000;
/** Rows that one step of it removes: other work goes on between steps. */
export const SWEEP_ROWS = 500;
/** Wait before a consumer that could not be reached is tried again: the first one, and the longest. */
export const MIN_BACK_OFF_MS = 1_000;
export const MAX_BACK_OFF_MS = 60_000;
/** Wait before a message that cannot go to its dead letter queue is tried again. */
export const DEAD_LETTER_RETRY_MS = 60_000;
