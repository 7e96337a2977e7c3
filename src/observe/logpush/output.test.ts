import { expect, test } from "vitest";
import type { LogRecord } from "./fields.ts";
import { type OutputOptions, readOutput } from "./output.ts";

/** What some loggers of Java look up. */
const LOOKUP = ["$", "{jndi:x}"].join("");

const record = {
  Outcome: "ok",
  ScriptName: 'say "hi"',
  WallTimeMs: 3,
  Logs: [{ Level: "log", Message: [LOOKUP], TimestampMs: 1 }],
  Event: {},
} as unknown as LogRecord;

function written(options: OutputOptions, count = 1): string {
  const output = readOutput(options);
  return output.batch(Array.from({ length: count }, () => output.write(record) ?? "").join(output.delimiter));
}

const field_names = ["Outcome", "ScriptName", "WallTimeMs"];

test.each<[string, OutputOptions, string]>([
  ["lines of JSON", { field_names }, '{"Outcome":"ok","ScriptName":"say \\"hi\\"","WallTimeMs":3}\n'.repeat(2)],
  ["csv", { field_names, output_type: "csv" }, '"ok","say ""hi""",3\n'.repeat(2)],
  [
    "tsv with a header",
    { field_names, output_type: "csv", field_delimiter: "\t", batch_prefix: "a\tb\tc\n" },
    `a\tb\tc\n${'"ok"\t"say ""hi"""\t3\n'.repeat(2)}`,
  ],
  [
    "one JSON object",
    {
      field_names: ["WallTimeMs"],
      batch_prefix: '{"events":[',
      batch_suffix: "\n]}\n",
      record_prefix: '\n  {"info":{',
      record_suffix: "}}",
      record_delimiter: ",",
    },
    '{"events":[\n  {"info":{"WallTimeMs":3}},\n  {"info":{"WallTimeMs":3}}\n]}\n',
  ],
  [
    "a template",
    {
      field_names,
      record_template:
        '"outcome":{{.Outcome}},{{/* no */}}"braces":{{ "\\"{{}}\\"" }},"raw":{{`"x"`}},"ms":{{ .WallTimeMs }},"not":{{.Logs}}',
    },
    '{"outcome":"ok","braces":"{{}}","raw":"x","ms":3,"not":null}\n'.repeat(2),
  ],
  ["lists as JSON in csv", { field_names: ["Event"], output_type: "csv" }, '"{}"\n"{}"\n'],
])("%s", (_, options, expected) => {
  expect(written(options, 2)).toBe(expected);
});

test("without names there are some fields", () => {
  expect(Object.keys(JSON.parse(written({})))).toEqual([
    "Event",
    "EventTimestampMs",
    "Outcome",
    "Exceptions",
    "Logs",
    "ScriptName",
  ]);
});

test("what a logger could take for a lookup is defused on request", () => {
  expect(written({ field_names: ["Logs"] })).toContain(LOOKUP);
  expect(written({ field_names: ["Logs"], "CVE-2021-44228": true })).toContain("x{jndi:x}");
});

test.each<[OutputOptions, RegExp]>([
  [{ field_names: ["ClientIP"] }, /no field "ClientIP"/],
  [{ field_names: ["Outcome", "Outcome"] }, /named twice/],
  [{ record_template: "{{ if .X }}" }, /at character 0 stands neither/],
  [{ record_template: "{{.Outcome}}".repeat(65) }, /more than 64/],
])("%j is refused", (options, message) => {
  expect(() => readOutput(options)).toThrow(message);
});

test("a record that is too long is left out", () => {
  const output = readOutput({ field_names: ["Logs"], record_template: "{{.Logs}}".repeat(64) });
  expect(output.write({ ...record, Logs: "x".repeat(20_000) })).toBeUndefined();
});
