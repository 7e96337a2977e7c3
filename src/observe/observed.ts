import type { ObservedScript, ObservedSnapshot } from "../domain/trace.ts";
import type { ScriptSettings } from "../workers/scripts.ts";

/**
 * Why invocations of a script with such settings are reported; undefined when nobody is to know of them. `hasJobs`: its
 * account pushes logs.
 */
export function observedScript(
  accountId: string,
  script: string,
  {
    observability,
    tail_consumers,
    logpush,
    tags,
  }: Pick<ScriptSettings, "observability" | "tail_consumers" | "logpush" | "tags">,
  hasJobs: boolean,
): ObservedScript | undefined {
  const stored = storedLogs(observability);
  const tailConsumers = [...new Set(tail_consumers?.map(({ service }) => service))];
  const isPushed = hasJobs && logpush === true;
  if (!stored && tailConsumers.length === 0 && !isPushed) return undefined;
  return {
    ...{ accountId, script, ...(stored && { stored }), tailConsumers, logpush: isPushed },
    ...(isPushed && tags && tags.length > 0 && { tags }),
  };
}

/** Logs are stored with `enabled` here or in `logs`, unless `logs` says otherwise; `logs` wins in everything it says. */
function storedLogs(observability: ScriptSettings["observability"]): ObservedScript["stored"] {
  if (!observability) return undefined;
  const logs = fieldsOf(observability.logs);
  const enabled = logs.enabled ?? observability.enabled;
  if (enabled !== true || logs.persist === false) return undefined;
  const rate = logs.head_sampling_rate ?? observability.head_sampling_rate;
  return {
    headSamplingRate: typeof rate === "number" ? rate : 1,
    invocationLogs: logs.invocation_logs !== false,
  };
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

/** The scripts that are observed, found by account and name. */
export class ObservedScripts {
  #scripts = new Map<string, ObservedScript>();

  find(accountId: string, script: string): ObservedScript | undefined {
    return this.#scripts.get(`${accountId}/${script}`);
  }

  /** Takes over a snapshot whole. */
  load({ scripts }: ObservedSnapshot): void {
    this.#scripts = new Map(scripts.map((script) => [`${script.accountId}/${script.script}`, script]));
  }
}
