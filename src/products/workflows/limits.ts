/** Numbers of Workflows (`workers-semantics.md` 16) unless said otherwise. Those of the runtime's own engine are not here. */

/** Names of workflows. */
export const WORKFLOW_NAME = /^[a-zA-Z0-9_][a-zA-Z0-9_-]{0,63}$/;
/** Ids of instances. */
export const INSTANCE_ID = /^[a-zA-Z0-9_][a-zA-Z0-9_-]{0,99}$/;
/** Instances that one call creates or deletes. */
export const MAX_BATCH = 100;
/** Most steps that a workflow's `limits.steps` may allow. The hosted platform's own is 25,000. */
export const MAX_STEPS = 25_000;
/** Type of an event. */
export const EVENT_TYPE = /^[a-zA-Z0-9_][a-zA-Z0-9_-]{0,99}$/;
/** Retention after the end of an instance. Ours: there is no plan to pay for. */
export const MAX_RETENTION_MS = 365 * 86_400_000;

/** Instances on a page, and most of them. */
export const INSTANCES_PER_PAGE = 50;
export const MAX_INSTANCES_PER_PAGE = 100;
/** Highest number of a page; further ones are found by cursor. Ours. */
export const MAX_PAGE = 10_000;

/** Workflows of an account. */
export const MAX_WORKFLOWS = 500;

/** Largest answer of a home. Ours. */
export const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
/** A home's time for one call. Ours. */
export const CALL_MS = 30_000;
/** How long a call is repeated while its home moves, and the pause in between. Ours. */
export const CALL_PATIENCE_MS = 10_000;
export const CALL_PAUSE_MS = 100;
/** How long a read of a workflow waits for the number of its instances. Ours. */
export const COUNT_MS = 3_000;
