import { badJob } from "./errors.ts";
import { defaultFields, type FieldName, isField, type LogRecord } from "./fields.ts";
import { logpushLimits, MAX_RECORD_CHARS } from "./limits.ts";

/** `output_options` of a job, as they were given. */
export interface OutputOptions {
  field_names?: string[] | undefined;
  output_type?: "ndjson" | "csv" | undefined;
  batch_prefix?: string | null | undefined;
  batch_suffix?: string | null | undefined;
  record_prefix?: string | null | undefined;
  record_suffix?: string | null | undefined;
  record_template?: string | null | undefined;
  record_delimiter?: string | null | undefined;
  field_delimiter?: string | null | undefined;
  timestamp_format?: string | undefined;
  sample_rate?: number | null | undefined;
  "CVE-2021-44228"?: boolean | null | undefined;
}

/** How records are written, with every default filled in. */
export interface Output {
  sampleRate: number;
  /** The record without what stands between records; undefined when it is too long. */
  write(record: LogRecord): string | undefined;
  /** What stands between records. */
  delimiter: string;
  /** A whole batch of records with what stands between them. */
  batch(records: string): string;
}

/** Texts, and fields; null: one that is not among the job's. */
type Template = (string | { field: FieldName | null })[];

/** Reads options. Error 1004. */
export function readOutput(options: OutputOptions): Output {
  const names = fieldNames(options.field_names);
  const isCsv = options.output_type === "csv";
  const prefix = options.record_prefix ?? (isCsv ? "" : "{");
  const suffix = options.record_suffix ?? (isCsv ? "\n" : "}\n");
  const fieldDelimiter = options.field_delimiter ?? ",";
  const template = options.record_template ? readTemplate(options.record_template, names) : undefined;
  const value = isCsv ? csvValue : jsonValue;
  const parts = template ?? listTemplate(names, fieldDelimiter, isCsv);
  const sanitize = options["CVE-2021-44228"] ? (text: string) => text.replaceAll("${", "x{") : (text: string) => text;
  return {
    sampleRate: options.sample_rate ?? 1,
    write(record) {
      const written = new Map<FieldName, string>();
      let text = prefix;
      for (const part of parts) {
        if (typeof part === "string") text += part;
        else if (part.field === null) text += "null";
        else {
          let known = written.get(part.field);
          if (known === undefined) {
            known = value(record[part.field]);
            written.set(part.field, known);
          }
          text += known;
        }
        if (text.length > MAX_RECORD_CHARS) return undefined;
      }
      return sanitize(text + suffix);
    },
    delimiter: sanitize(options.record_delimiter ?? ""),
    batch: (records) => sanitize(options.batch_prefix ?? "") + records + sanitize(options.batch_suffix ?? ""),
  };
}

function fieldNames(given: string[] | undefined): readonly FieldName[] {
  if (given === undefined || given.length === 0) return defaultFields;
  const unknown = given.find((name) => !isField(name));
  if (unknown !== undefined)
    throw badJob(
      `output_options.field_names: there is no field ${JSON.stringify(unknown.slice(0, 60))}. GET …/datasets/workers_trace_events/fields lists those there are.`,
    );
  if (new Set(given).size < given.length) throw badJob("output_options.field_names: a field is named twice.");
  return given as FieldName[];
}

/** Names with values, or values alone. */
function listTemplate(names: readonly FieldName[], delimiter: string, isCsv: boolean): Template {
  return names.flatMap((field, index) => [
    `${index === 0 ? "" : delimiter}${isCsv ? "" : `${JSON.stringify(field)}:`}`,
    { field },
  ]);
}

const ACTION = /\{\{(?:(\/\*[\s\S]*?\*\/)|\s*(?:\.([A-Za-z0-9_]+)|("(?:[^"\\\n]|\\.)*")|`([^`]*)`)\s*)\}\}/y;

/** `{{ .Field }}`, `{{ "constant" }}`, a constant in backquotes, `{{/* comment *\/}}`, and text between them. */
function readTemplate(text: string, names: readonly FieldName[]): Template {
  const parts: Template = [];
  let at = 0;
  for (let actions = 0; ; actions++) {
    const begin = text.indexOf("{{", at);
    if (begin === -1) break;
    if (actions === logpushLimits.templateActions)
      throw badJob(`output_options.record_template has more than ${logpushLimits.templateActions} {{ … }}.`);
    parts.push(text.slice(at, begin));
    ACTION.lastIndex = begin;
    const found = ACTION.exec(text);
    if (!found)
      throw badJob(
        `output_options.record_template: at character ${begin} stands neither {{ .Field }} nor {{ "text" }} nor {{/* comment */}}.`,
      );
    const [whole, , field, quoted, raw] = found;
    if (field !== undefined)
      parts.push({ field: (names as readonly string[]).includes(field) ? (field as FieldName) : null });
    else if (quoted !== undefined) parts.push(unquoted(quoted));
    else if (raw !== undefined) parts.push(raw);
    at = begin + whole.length;
  }
  parts.push(text.slice(at));
  return parts;
}

function unquoted(text: string): string {
  try {
    return JSON.parse(text);
  } catch {
    throw badJob(`output_options.record_template: ${text.slice(0, 40)} is no text that can be read.`);
  }
}

const jsonValue = (value: unknown) => JSON.stringify(value) ?? "null";

/** Numbers stand as they are, everything else in quotes; what is no text is JSON. */
function csvValue(value: unknown): string {
  if (typeof value === "number") return String(value);
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return `"${text.replaceAll('"', '""')}"`;
}
