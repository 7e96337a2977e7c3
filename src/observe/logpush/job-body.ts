import { z } from "zod";
import { badJob, noSuchDataset } from "./errors.ts";
import { DATASET } from "./fields.ts";
import { readFilter } from "./filter.ts";
import type { JobChoices } from "./job-store.ts";
import { logpushLimits } from "./limits.ts";
import { type OutputOptions, readOutput } from "./output.ts";

const { affixChars, templateChars, nameChars, uploadBytes, uploadRecords, uploadSeconds } = logpushLimits;

const affix = z.string().max(affixChars).nullish();

const outputOptions = z
  .object({
    field_names: z.array(z.string()).max(100).optional(),
    output_type: z.enum(["ndjson", "csv"]).optional(),
    batch_prefix: affix,
    batch_suffix: affix,
    record_prefix: affix,
    record_suffix: affix,
    record_delimiter: affix,
    field_delimiter: affix,
    record_template: z.string().max(templateChars).nullish(),
    timestamp_format: z.enum(["unixnano", "unix", "rfc3339", "rfc3339ms", "rfc3339ns"]).optional(),
    sample_rate: z.number().gt(0).max(1).nullish(),
    "CVE-2021-44228": z.boolean().nullish(),
    merge_subrequests: z.literal(false, "only http_requests has subrequests to merge").nullish(),
  })
  .strict();

/** 0 and null: nothing is said. */
const bounded = ({ min, max }: { min: number; max: number }) =>
  z
    .number()
    .int()
    .refine((value) => value === 0 || (value >= min && value <= max), `must be from ${min} to ${max}, or 0`)
    .nullish();

const shownOnly = z.unknown().optional();

const changeable = {
  name: z.string().max(nameChars).nullish(),
  enabled: z.boolean().optional(),
  filter: z.string().nullish(),
  filter_attack_traffic: z.literal(false, "is not for this dataset").optional(),
  frequency: z.enum(["high", "low"]).nullish(),
  kind: z.literal("", "Edge Log Delivery is not for this dataset").optional(),
  logpull_options: z.string().max(2000).nullish(),
  output_options: outputOptions.nullish(),
  max_upload_bytes: bounded(uploadBytes),
  max_upload_records: bounded(uploadRecords),
  max_upload_interval_seconds: bounded(uploadSeconds),
  ownership_challenge: z.string().max(4096).optional(),
  // A job that was read may be sent back whole.
  ...{
    id: shownOnly,
    last_complete: shownOnly,
    last_error: shownOnly,
    error_message: shownOnly,
    dataset: z.string().nullish(),
  },
};

export const newJobBody = z.object({ ...changeable, destination_conf: z.string() }).strict();
export const jobChangeBody = z.object({ ...changeable, destination_conf: z.string().optional() }).strict();
export const destinationBody = z.object({ destination_conf: z.string() });
export const challengeBody = destinationBody.extend({ ownership_challenge: z.string().max(4096) });
export const originBody = z.object({
  logpull_options: z.string().max(2000).nullable(),
  dataset: z.string().optional(),
});

export type NewJobBody = z.infer<typeof newJobBody>;
export type JobChangeBody = z.infer<typeof jobChangeBody>;

const choiceNames = [
  "name",
  "filter",
  "frequency",
  "output_options",
  "logpull_options",
  "max_upload_bytes",
  "max_upload_records",
  "max_upload_interval_seconds",
] as const;

/** What was chosen, with what was chosen before where nothing is said now. Error 1004. */
export function choicesFrom(body: JobChangeBody, before: JobChoices = {}): JobChoices {
  if (body.dataset && body.dataset !== DATASET) throw noSuchDataset(body.dataset);
  const said = Object.fromEntries(
    choiceNames.flatMap((name) => (body[name] === undefined ? [] : [[name, body[name]]])),
  );
  const choices: JobChoices = { ...before, ...said };
  if (body.output_options) choices.logpull_options = null;
  else if (body.logpull_options) choices.output_options = readLogpullOptions(body.logpull_options);
  if (choices.filter) readFilter(choices.filter);
  readOutput(choices.output_options ?? {});
  return choices;
}

/** The options' earlier form: the query of a URL, or a whole one. Error 1004. */
export function readLogpullOptions(text: string): OutputOptions {
  const query = new URLSearchParams(text.slice(text.indexOf("?") + 1));
  const options: Record<string, unknown> = {};
  for (const [name, value] of query) {
    if (name === "fields") options.field_names = value.split(",").filter(Boolean);
    else if (name === "sample") options.sample_rate = Number(value);
    else if (name === "timestamps") options.timestamp_format = value;
    else if (name === "CVE-2021-44228") options["CVE-2021-44228"] = value === "true";
    else if (name !== "start" && name !== "end")
      throw badJob(`logpull_options: ${JSON.stringify(name.slice(0, 60))} is not known.`);
  }
  const read = outputOptions.safeParse(options);
  if (!read.success) throw badJob(`logpull_options: ${z.prettifyError(read.error)}`);
  readOutput(read.data);
  return read.data;
}
