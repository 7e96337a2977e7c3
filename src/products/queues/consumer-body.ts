import { z } from "zod";
import { invalidConsumerSettings } from "./errors.ts";
import {
  DEFAULT_BATCH_MESSAGES,
  DEFAULT_PULL_MESSAGES,
  DEFAULT_RETRIES,
  DEFAULT_VISIBILITY_MS,
  DEFAULT_WAIT_MS,
  MAX_BATCH_MESSAGES,
  MAX_CONCURRENCY,
  MAX_DELAY_S,
  MAX_RETRIES,
  MAX_VISIBILITY_MS,
  MAX_WAIT_MS,
} from "./limits.ts";

const amount = z.number().nullish();

/** A consumer as clients write it (`wrangler-api.md` 2.10, 5.5). */
export const ConsumerBody = z.object({
  type: z.enum(["worker", "http_pull"]).default("worker"),
  // The client says `script_name`; older ones, and the original's answers, say `script` and `service`.
  script_name: z.string().optional(),
  // A Worker has one environment here; the client sends an empty text.
  environment_name: z.string().optional(),
  dead_letter_queue: z.string().nullish(),
  settings: z
    .object({
      batch_size: amount,
      max_retries: amount,
      max_wait_time_ms: amount,
      max_concurrency: amount,
      retry_delay: amount,
      visibility_timeout_ms: amount,
    })
    .nullish(),
});

interface CommonSettings {
  batch_size: number;
  max_retries: number;
  retry_delay: number;
}

/** All settings, as they are stored and shown. */
export type StoredSettings =
  | (CommonSettings & { type: "worker"; max_wait_time_ms: number; max_concurrency: number | null })
  | (CommonSettings & { type: "http_pull"; visibility_timeout_ms: number });

/** What is not said has its default. Error 100127. */
export function checkSettings({ type, script_name, settings }: z.infer<typeof ConsumerBody>): StoredSettings {
  const given = settings ?? {};
  const read = (name: keyof typeof given, fallback: number, min: number, max: number) => {
    const value = given[name] ?? fallback;
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    throw invalidConsumerSettings(`${name} is ${value}; give a whole number from ${min} to ${max}.`);
  };
  const refuse = (name: keyof typeof given) => {
    const value = given[name];
    if (value !== undefined && value !== null)
      throw invalidConsumerSettings(`${name} has no meaning for a consumer of type "${type}"; leave it out.`);
  };
  const pulls = type === "http_pull";
  const common = {
    batch_size: read("batch_size", pulls ? DEFAULT_PULL_MESSAGES : DEFAULT_BATCH_MESSAGES, 1, MAX_BATCH_MESSAGES),
    max_retries: read("max_retries", DEFAULT_RETRIES, 0, MAX_RETRIES),
    retry_delay: read("retry_delay", 0, 0, MAX_DELAY_S),
  };
  if (pulls) {
    refuse("max_wait_time_ms");
    refuse("max_concurrency");
    const visibility = read("visibility_timeout_ms", DEFAULT_VISIBILITY_MS, 1, MAX_VISIBILITY_MS);
    return { type, ...common, visibility_timeout_ms: visibility };
  }
  refuse("visibility_timeout_ms");
  if (!script_name) throw invalidConsumerSettings("script_name is missing; name the Worker that consumes the queue.");
  return {
    type,
    ...common,
    max_wait_time_ms: read("max_wait_time_ms", DEFAULT_WAIT_MS, 0, MAX_WAIT_MS),
    max_concurrency: given.max_concurrency == null ? null : read("max_concurrency", 1, 1, MAX_CONCURRENCY),
  };
}
