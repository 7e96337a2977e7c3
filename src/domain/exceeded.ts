/** A runner that reported its invocations, and was ended because it exceeded a limit: it can tell of those it had no more. */
export interface Exceeded {
  instanceId: string;
  versionId: string;
  cause: "cpu" | "memory";
}

/** An invocation that ended with it. */
export interface ExceededInvocation extends Exceeded {
  event: ExceededEvent;
}

/** What was handled, by who sent it there. */
export type ExceededEvent =
  /** Start line and fields of a request, as they went to the runner: one byte a character. */
  | { head: string }
  | { cron: string; scheduledTime: number }
  | { queue: string; batchSize: number }
  | { consumedEvents: { scriptName: string }[] }
  /** A call through a service binding, of whatever: what is said there is for the two runtimes alone. */
  | { isCall: true };

/** What its end itself says. */
export interface ExceededRunner extends Exceeded {
  /** An object's alarm that was due and not done, when it was due (milliseconds since 1970), and the class. */
  alarm?: { dueMs: number; className: string };
}
