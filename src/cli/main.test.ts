import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runCommand } from "./main.ts";
import { dataDirectory, recordingIo } from "./testing.ts";

test("env prints the three variables, plainly or as exports", async () => {
  const io = recordingIo({ FREEHOLD_DATA: dataDirectory() });
  expect(await runCommand("env", [], io)).toBe(0);
  expect(io.stdout).toEqual([
    "CLOUDFLARE_API_BASE_URL=http://localhost:8787/client/v4",
    "CLOUDFLARE_API_TOKEN=fh_secret",
    `CLOUDFLARE_ACCOUNT_ID=${"a".repeat(32)}`,
  ]);
  const exported = recordingIo({ FREEHOLD_DATA: dataDirectory() });
  expect(await runCommand("env", ["--export"], exported)).toBe(0);
  expect(exported.stdout).toEqual(io.stdout.map((line) => `export ${line}`));
});

test("--data stands for FREEHOLD_DATA and wins over it", async () => {
  const io = recordingIo({ FREEHOLD_DATA: "/nowhere" });
  expect(await runCommand("env", ["--data", dataDirectory()], io)).toBe(0);
});

test("env says so when the platform never ran or the file is cut short", async () => {
  const directory = dataDirectory();
  writeFileSync(join(directory, "wrangler.env"), "CLOUDFLARE_API_TOKEN=x\n");
  const short = recordingIo({ FREEHOLD_DATA: directory });
  expect(await runCommand("env", [], short)).toBe(1);
  expect(short.stderr.join()).toContain("lacks CLOUDFLARE_API_BASE_URL, CLOUDFLARE_ACCOUNT_ID");

  rmSync(join(directory, "wrangler.env"));
  const never = recordingIo({ FREEHOLD_DATA: directory });
  expect(await runCommand("env", [], never)).toBe(1);
  expect(never.stderr.join()).toContain("has not run with this data directory");
  expect(never.stdout).toEqual([]);
});

test.each([
  ["doktor", 'Did you mean "doctor"?'],
  ["tokens", 'Did you mean "token"?'],
  ["frobnicate", "See: freehold help"],
])("the unknown command %s is answered with a hint", async (name, hint) => {
  const io = recordingIo();
  expect(await runCommand(name, [], io)).toBe(2);
  expect(io.stderr.join()).toContain(hint);
});

test("names of object members are no commands", async () => {
  expect(await runCommand("constructor", [], recordingIo())).toBe(2);
  expect(await runCommand("toString", [], recordingIo())).toBe(2);
});

test("an unknown option is answered with the usage, a bad value with the reason", async () => {
  const unknown = recordingIo();
  expect(await runCommand("env", ["--nope"], unknown)).toBe(2);
  expect(unknown.stderr.join()).toContain("Usage: freehold env [--export] [options]; more: freehold help env");

  const bad = recordingIo();
  expect(await runCommand("env", ["--port", "http"], bad)).toBe(1);
  expect(bad.stderr.join()).toContain('FREEHOLD_PORT is "http"');
});

test("help lists every command and --help tells about one", async () => {
  const io = recordingIo();
  expect(await runCommand("help", [], io)).toBe(0);
  for (const name of ["up", "doctor", "env", "token", "wrangler", "version"]) {
    expect(io.stdout.join("\n")).toContain(`freehold ${name}`);
  }
  const about = recordingIo();
  expect(await runCommand("env", ["--help"], about)).toBe(0);
  expect(about.stdout.join("\n")).toContain("freehold env [--export]");
});
