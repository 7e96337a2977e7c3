import { z } from "zod";
import { badRetention } from "./errors.ts";
import { MAX_RETENTION_MS, MAX_STEPS } from "./limits.ts";

const Retention = z.union([z.number().int().positive(), z.string().min(1).max(64)]);

/** What clients say about a workflow, in their words; stored as it is. */
export const SettingsBody = z.object({
  limits: z.object({ steps: z.number().int().min(1).max(MAX_STEPS).optional() }).nullish(),
  concurrency: z.object({ limit: z.number().int().min(1).optional() }).nullish(),
  default_retention: z
    .object({ success_retention: Retention.optional(), error_retention: Retention.optional() })
    .nullish(),
  jurisdiction: z.enum(["eu", "fedramp", "us"]).nullish(),
});
export type StoredSettings = z.infer<typeof SettingsBody>;

const UNITS_MS: Record<string, number> = {
  millisecond: 1,
  second: 1000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
  week: 7 * 86_400_000,
  month: 30 * 86_400_000,
  year: 365 * 86_400_000,
};

/** Refuses retentions that the engine would trip over at each instance. */
export function checkSettings({ default_retention }: StoredSettings): void {
  for (const value of Object.values(default_retention ?? {})) {
    const ms = typeof value === "number" ? value : durationMs(value ?? "");
    if (ms === undefined || !(ms > 0 && ms <= MAX_RETENTION_MS)) throw badRetention(String(value));
  }
}

/** A duration as the engine reads it: `<number> <unit>`, in milliseconds. */
function durationMs(text: string): number | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]+?)s?\s*$/.exec(text);
  const unit = UNITS_MS[match?.[2] ?? ""];
  return match && unit !== undefined ? Number(match[1]) * unit : undefined;
}
