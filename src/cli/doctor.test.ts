import { once } from "node:events";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { readConfig } from "../domain/config.ts";
import { paths } from "../domain/paths.ts";
import type { PublicationState } from "../domain/publication.ts";
import type { Finding } from "./doctor/check.ts";
import type { Machine, ProgramResult } from "./doctor/machine.ts";
import { doctorFor } from "./doctor.ts";
import { dataDirectory, recordingIo, temporaryDirectory } from "./testing.ts";

const ok = (stdout = ""): ProgramResult => ({ code: 0, stdout, stderr: "" });
const NOT_FOUND: ProgramResult = { code: undefined, stdout: "", stderr: "spawn ENOENT" };

/** A machine on which all is well. `bwrap` is what the trial answers. */
function healthy(
  parts: Partial<Machine> & {
    bwrap?: ProgramResult;
    flock?: ProgramResult;
    workerd?: ProgramResult;
    openFiles?: string;
  } = {},
): Machine {
  const { bwrap = ok("bubblewrap 0.8.0\n"), workerd = ok("workerd 2026-11-17\n"), openFiles = "65536" } = parts;
  const { flock = ok("flock from util-linux 2.38.1\n") } = parts;
  return {
    platform: "linux",
    nodeVersion: "26.10.0",
    now: Date.now,
    read: () => undefined,
    resolve: async () => ["127.0.0.1"],
    freeBytes: () => 50e9,
    get: async () => undefined,
    ...parts,
    run: async (file) => {
      if (file === "flock") return flock;
      return file === "bwrap" ? bwrap : file === "/bin/sh" ? ok(`${openFiles}\n`) : workerd;
    },
  };
}

/** The findings by name and the exit code. */
async function examine(machine: Machine, env: Record<string, string> = {}) {
  const io = recordingIo({ FREEHOLD_DATA: temporaryDirectory(), FREEHOLD_PORT: "0", ...env });
  const code = await doctorFor(machine).run(["--json"], io);
  const findings = JSON.parse(io.stdout.join("\n")) as Finding[];
  return { code, of: (name: string) => findings.find((finding) => finding.name === name), findings };
}

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

test("a sound machine passes every check", async () => {
  const { code, findings } = await examine(healthy());
  expect(findings.filter(({ status }) => status !== "ok")).toEqual([]);
  expect(findings.map(({ name }) => name)).toEqual([
    "node",
    "workerd",
    "port",
    "https port",
    "disk",
    "sandbox",
    "state lock",
    "published",
    "reporting",
    "clock",
    "open files",
    "names",
    "certificate",
  ]);
  expect(code).toBe(0);
});

test("findings are lines of text with the mend below", async () => {
  const io = recordingIo({ FREEHOLD_DATA: temporaryDirectory(), FREEHOLD_PORT: "0" });
  await doctorFor(healthy({ bwrap: NOT_FOUND })).run([], io);
  expect(io.stdout[0]).toBe("ok    node         Node 26.10.0");
  const line = io.stdout.findIndex((text) => text.startsWith("warn  sandbox      bubblewrap is not installed"));
  expect(io.stdout[line + 1]?.trim()).toBe("mend: sudo apt-get install bubblewrap");
});

test.each<[string, ProgramResult, RegExp]>([
  ["is missing", NOT_FOUND, /not installed/],
  ["is another one", ok("BusyBox v1.36\n"), /not that of util-linux/],
])("a flock that %s is a warning", async (_, flock, message) => {
  const { code, of } = await examine(healthy({ flock }));
  expect(of("state lock")).toMatchObject({ status: "warn", message: expect.stringMatching(message) });
  expect(code).toBe(0);
});

test.each<[string, PublicationState, string, RegExp]>([
  ["nothing is wrong", { skipped: [] }, "ok", /what the database says/],
  [
    "a row is broken",
    { skipped: [{ what: "script shop", why: "no JSON" }] },
    "fail",
    /left out.*script shop \(no JSON\)/,
  ],
  ["all fails", { failed: { why: "no space", since: "2026" }, skipped: [] }, "fail", /since 2026: no space/],
])("of publications: %s", async (_, state, status, message) => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, "publication.json"), JSON.stringify(state));
  const { of } = await examine(healthy(), { FREEHOLD_DATA: directory });
  expect(of("published")).toMatchObject({ status, message: expect.stringMatching(message) });
});

test("Workers that serve without logs are a warning that names them", async () => {
  const directory = temporaryDirectory();
  const { runDir } = readConfig({ FREEHOLD_DATA: directory }, 1);
  const silent = { accountId: "a1", script: "shop", versionId: "v1", why: "Uncaught Error: no\n  at x", since: "2026" };
  mkdirSync(runDir, { recursive: true });
  writeFileSync(paths({ dataDir: directory, runDir }).silentRunners, JSON.stringify([silent]));
  const { of, code } = await examine(healthy(), { FREEHOLD_DATA: directory });
  expect(of("reporting")).toMatchObject({
    status: "warn",
    message: expect.stringMatching(/shop of a1, version v1, since 2026: Uncaught Error: no$/),
  });
  expect(code).toBe(0);
  expect((await examine(healthy())).of("reporting")).toMatchObject({ status: "ok" });
});

const denied: ProgramResult = { code: 1, stdout: "", stderr: "bwrap: setting up uid map: Permission denied\n" };

test.each<[string, Partial<Machine> & { bwrap?: ProgramResult }, RegExp, RegExp]>([
  ["bubblewrap is missing", { bwrap: NOT_FOUND }, /not installed/, /apt-get install bubblewrap/],
  [
    "Debian's switch is off",
    { bwrap: denied, read: (path) => (path === "/proc/sys/kernel/unprivileged_userns_clone" ? "0\n" : undefined) },
    /unprivileged_userns_clone is 0/,
    /sysctl -w kernel.unprivileged_userns_clone=1/,
  ],
  [
    "AppArmor restricts user namespaces",
    {
      bwrap: denied,
      read: (path) => (path === "/proc/sys/kernel/apparmor_restrict_unprivileged_userns" ? "1\n" : undefined),
    },
    /AppArmor/,
    /apparmor_restrict_unprivileged_userns=0/,
  ],
  [
    "there may be no user namespaces",
    { bwrap: denied, read: (path) => (path === "/proc/sys/user/max_user_namespaces" ? "0\n" : undefined) },
    /max_user_namespaces is 0/,
    /user.max_user_namespaces/,
  ],
  ["it fails for another reason", { bwrap: denied }, /setting up uid map/, /container/],
  ["this is no Linux", { platform: "darwin" }, /no bubblewrap for darwin/, /Linux/],
])("sandbox: %s", async (_name, parts, why, mend) => {
  const auto = await examine(healthy(parts));
  expect(auto.of("sandbox")).toMatchObject({ status: "warn" });
  expect(auto.of("sandbox")?.message).toMatch(why);
  expect(auto.of("sandbox")?.message).toContain("without a sandbox");
  expect(auto.of("sandbox")?.mend).toMatch(mend);
  expect(auto.code).toBe(0);
  const required = await examine(healthy(parts), { FREEHOLD_SANDBOX: "required" });
  expect(required.of("sandbox")?.status).toBe("fail");
  expect(required.code).toBe(1);
});

test("a sandbox that is switched off is a warning", async () => {
  expect((await examine(healthy(), { FREEHOLD_SANDBOX: "off" })).of("sandbox")).toMatchObject({ status: "warn" });
});

test.each<[string, string, Finding["status"], Parameters<typeof healthy>[0]]>([
  ["an old Node", "node", "fail", { nodeVersion: "24.1.0" }],
  ["a runtime for another machine", "workerd", "fail", { workerd: { code: undefined, stdout: "", stderr: "ENOEXEC" } }],
  ["a clock in the past", "clock", "fail", { now: () => Date.parse("2020-01-01") }],
  ["little disk", "disk", "warn", { freeBytes: () => 500e6 }],
  ["no disk", "disk", "fail", { freeBytes: () => 5e6 }],
  ["few open files", "open files", "warn", { openFiles: "4096" }],
  ["hardly any open files", "open files", "fail", { openFiles: "256" }],
  ["unlimited open files", "open files", "ok", { openFiles: "unlimited" }],
  ["names that lead nowhere", "names", "warn", { resolve: async () => [] }],
  ["a broken certificate", "certificate", "fail", { read: () => "not a certificate" }],
])("%s: %s is %s", async (_name, name, status, parts) => {
  const { code, of } = await examine(healthy(parts));
  expect(of(name)?.status).toBe(status);
  if (status !== "ok") expect(of(name)?.mend).toBeTruthy();
  expect(code).toBe(status === "fail" ? 1 : 0);
});

test("a disk with another clock is a warning", async () => {
  const { of } = await examine(healthy({ now: () => Date.now() + 60_000 }));
  expect(of("disk")?.message).toContain("differ from the clock");
});

test.skipIf(process.getuid?.() === 0)("a data directory that cannot be written fails", async () => {
  const directory = temporaryDirectory();
  chmodSync(directory, 0o500);
  const { of } = await examine(healthy(), { FREEHOLD_DATA: directory });
  expect(of("disk")).toMatchObject({ status: "fail" });
});

/** A port that another program has. */
async function takenPort(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(() => server.close());
  return String((server.address() as AddressInfo).port);
}

test.each<[string, { ready?: number; verify?: number }, Finding["status"]]>([
  ["this platform", { ready: 200, verify: 200 }, "ok"],
  ["this platform, still starting", { ready: 503, verify: 200 }, "warn"],
  ["another Freehold", { ready: 200, verify: 403 }, "fail"],
  ["another program", {}, "fail"],
])("a port that is taken by %s", async (_name, answers, status) => {
  const port = await takenPort();
  const machine = healthy({
    get: async (url) => {
      const answer = new URL(url).pathname === "/ready" ? answers.ready : answers.verify;
      return answer === undefined ? undefined : { status: answer };
    },
  });
  const { of } = await examine(machine, { FREEHOLD_PORT: port, FREEHOLD_DATA: dataDirectory() });
  expect(of("port")?.status).toBe(status);
  expect(of("port")?.message).toContain(port);
});
