import { MAX_EVENT_MS } from "../workerd/events.ts";

/** The supervisor's own bounds. What a version may use stands in its launch record. */

/** Runners at a time, those that drain included. An idle one has 10 MB (measured). */
export const MAX_RUNNERS = 2000;

/** From spawn to the last listening socket. Validation at upload allows a tenth of this in CPU. */
export const START_TIMEOUT_MS = 10_000;
/** Starts that wait for a free place longer than this are refused. */
export const START_QUEUE_TIMEOUT_MS = 10_000;
/** A version that does not start is not tried again for this long. */
export const START_FAILURE_TTL_MS = 2000;

/** A runner that lived this long was sound: its end starts the back-off anew. */
export const SOUND_LIFETIME_MS = 10_000;
/** Pause before the next start, by the number of early deaths in a row. The first restart is at once. */
export const RESTART_DELAYS_MS: readonly number[] = [0, 100, 500, 2000, 10_000];
/** Pauses up to this are waited out by the request; longer ones are answered with `crash-loop`. */
export const RESTART_PATIENCE_MS = 500;

/** Requests in flight may take this long once their runner is to stop. */
export const DRAIN_TIMEOUT_MS = 30_000;
/** Events in flight then may take what the longest kind of them may, and a little. */
export const EVENTS_DRAIN_TIMEOUT_MS = MAX_EVENT_MS + 10_000;
/** After its last response a runner stays for `waitUntil`, whose documented bound this is. */
export const LINGER_MS = 30_000;
/** The same for one that had too much memory: what the machine has to spare is not for this. */
export const OUTGROWN_LINGER_MS = 2000;
/** Runners that may linger at a time; one more stops the oldest. */
export const MAX_LINGERING = 8;
/** From SIGTERM to SIGKILL. */
export const TERMINATE_TIMEOUT_MS = 5000;

/** CPU that top-level code may use at upload. Source: workers-semantics.md, "startup time". */
export const VALIDATE_CPU_MS = 1000;
export const VALIDATE_TIMEOUT_MS = 10_000;
export const VALIDATE_CONCURRENCY = 2;
/** Uploads that wait longer for their turn are refused. */
export const VALIDATE_QUEUE_TIMEOUT_MS = 30_000;
/** Largest list of exports that is read from a runner under validation. */
export const VALIDATE_MAX_BYTES = 1_000_000;

/** What is kept of a process's stderr: its end. */
export const STDERR_BYTES = 64 * 1024;
/** Faster writers are held up, so that a tenant's log flood costs the tenant and not the supervisor. */
export const STDERR_BYTES_PER_SECOND = 2 * 1024 * 1024;

/** Why a runner ended is known for this long afterwards. */
export const VERDICT_TTL_MS = 60_000;
/** A lost connection can be noticed before the end of its process; how long to wait for that, which a busy machine may make long. */
export const VERDICT_WAIT_MS = 2000;

/**
 * Requests and calls in flight in a home may take this long once the home moves: all others wait for them meanwhile.
 * (An ordinary runner has {@link DRAIN_TIMEOUT_MS}: nobody waits for it.)
 */
export const HOME_DRAIN_MS = 5000;
/** Then calls from other runners may take this long to end, which still come in until all requests are done. */
export const GATE_DRAIN_MS = 2000;
/**
 * How long a home that moves stays for `waitUntil` after its last response. Every request of the script waits through it, so
 * it is only enough for what is nearly done; the original does not wait either when it restarts objects for new code.
 */
export const HOME_LINGER_MS = 20;
/** What a runner has to report may take this long before it is told to end; where a home moves, requests wait through it. */
export const REPORTS_DRAIN_MS = 200;
/** From SIGTERM to SIGKILL of a home whose calls are done: connections that others keep to it would hold it for ever. */
export const HOME_TERMINATE_MS = 30;
/** A start waits this long for the runner that still has its state: the whole of a move, and some. */
export const STATE_WAIT_MS = HOME_DRAIN_MS + 2 * GATE_DRAIN_MS + 3000;
/** How long a process waits for the lock of a state that a dying process still holds. */
export const STATE_LOCK_WAIT_S = 2;

/** A runner goes on reporting its invocations this long after the last one who wanted to know; a home, which is not replaced lightly. */
export const TRACE_LINGER_MS = 30_000;
export const HOME_TRACE_LINGER_MS = 10 * 60_000;
/** Who begins to watch a script waits this long for runners that report. */
export const TRACE_WAIT_MS = 5000;
/** A runner whose successor did not start serves on, and is tried to be replaced again after this. */
export const RENEWAL_PAUSE_MS = 60_000;

/** A home that has an alarm within this time is not stopped for idleness. */
export const ALARM_SOON_MS = 5000;
/** Pause before the next try to wake a home for its alarm, doubled each time, within these bounds. */
export const WAKE_RETRY_MIN_MS = 1000;
export const WAKE_RETRY_MAX_MS = 60_000;
