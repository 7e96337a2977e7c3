import { existsSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, afterEach, beforeEach, expect, test, vi } from "vitest";
import type { TraceItem } from "../../domain/trace.ts";
import { Cleanup } from "../../lib/http/testing.ts";
import { Budget } from "../budget.ts";
import type { Job } from "./job.ts";
import { Logpush } from "./logpush.ts";
import type { Upload } from "./upload.ts";

const cleanup = new Cleanup();
afterAll(() => cleanup.run());
/** Those that a test has started: they try again for as long as they are there. */
const started: Logpush[] = [];
afterEach(() => {
  for (const logpush of started.splice(0)) logpush.close();
});
/** The machine may be busy. */
const waitFor = (check: () => void) => vi.waitFor(check, 10_000);

const ACCOUNT = "a".repeat(32);
const OTHER = "b".repeat(32);
const source = { accountId: ACCOUNT, script: "w", versionId: "v", versionTag: "" };

let root: string;
let uploads: { host: string; upload: Upload }[];
let failure: string | undefined;
let tried: number;
let log: string[];

beforeEach(async () => {
  root = await cleanup.directory();
  uploads = [];
  failure = undefined;
  tried = 0;
  log = [];
});

interface Settings {
  intervalMs?: number;
  maxSpoolBytes?: number;
  isObserved?: boolean;
  budget?: Budget;
}

function start(jobs: Job[], { isObserved = true, ...settings }: Settings = {}): Logpush {
  const logpush = new Logpush({
    ...{ root, intervalMs: 20, maxSpoolBytes: 1_000_000, ...settings },
    observed: {
      find: (accountId, script) => ({ accountId, script, tailConsumers: [], logpush: isObserved, tags: ["red"] }),
    },
    upload: async (_, destination, upload) => {
      tried++;
      if (failure !== undefined) throw new Error(failure);
      uploads.push({ host: destination.kind === "https" ? new URL(destination.url).hostname : "", upload });
    },
    log: (line) => log.push(line),
  });
  logpush.load(jobs);
  started.push(logpush);
  return logpush;
}

const job = (id: number, changes: Partial<Job> = {}): Job => ({
  ...{ id, accountId: ACCOUNT, enabled: true, destination: `https://d${id}.example/`, filter: "" },
  output: { field_names: ["Outcome", "ScriptTags"] },
  ...{ maxBytes: null, maxRecords: null, maxIntervalSeconds: null },
  ...changes,
});

const item = (outcome = "ok"): TraceItem => ({
  ...{ eventTimestamp: 1, outcome, event: null, logs: [], exceptions: [], diagnosticsChannelEvents: [] },
  ...{ executionModel: "stateless", truncated: false, cpuTime: 0, wallTime: 0 },
});

const pushed = (host?: string) =>
  uploads
    .filter((one) => host === undefined || one.host === host)
    .flatMap(({ upload }) => gunzipSync(upload.body).toString().trim().split("\n"))
    .map((line) => JSON.parse(line).Outcome);

test("each job gets what it wants, in files named by time and content", async () => {
  const filter = JSON.stringify({ where: { key: "Outcome", operator: "eq", value: "exception" } });
  const logpush = start([job(1), job(2, { filter }), job(3, { enabled: false }), job(4, { accountId: OTHER })]);
  logpush.take(source, [item("ok"), item("exception")]);
  await waitFor(() => expect(uploads).toHaveLength(2));
  expect(pushed("d1.example")).toEqual(["ok", "exception"]);
  expect(pushed("d2.example")).toEqual(["exception"]);
  expect(uploads[0]?.upload.name).toMatch(/^\d{8}T\d{6}Z_\d{8}T\d{6}Z_[0-9a-f]{8}\.log\.gz$/);
  await waitFor(() => expect(logpush.status(ACCOUNT)[1]?.lastComplete).toMatch(/^\d{4}-/));
});

test("scripts without logpush are not pushed", async () => {
  const logpush = start([job(1)], { isObserved: false });
  logpush.take(source, [item()]);
  logpush.close();
  expect(existsSync(join(root, ACCOUNT, "1", "000000000001-1.batch"))).toBe(false);
});

test("a batch ends with its number of records", async () => {
  const logpush = start([job(1, { maxRecords: 2 })], { intervalMs: 60_000 });
  for (const outcome of ["a", "b", "c"]) logpush.take(source, [item(outcome)]);
  await waitFor(() => expect(pushed()).toEqual(["a", "b"]));
});

test("what was taken before the process was killed is pushed by the next one", async () => {
  failure = "away";
  const killed = start([job(1)], { intervalMs: 60_000 });
  killed.take(source, [item("a")]);
  failure = undefined;
  const next = start([job(1)]);
  next.take(source, [item("b")]);
  await waitFor(() => expect(pushed()).toEqual(["a", "b"]));
});

test("what failed is pushed again later, by itself, and before what came after", async () => {
  failure = "the server answered 500";
  const logpush = start([job(1)]);
  logpush.take(source, [item("a")]);
  await waitFor(() => expect(logpush.status(ACCOUNT)[1]).toMatchObject({ errorMessage: failure, lastComplete: null }));
  failure = undefined;
  logpush.take(source, [item("b")]);
  await waitFor(() => expect(pushed()).toEqual(["a", "b"]));
  await waitFor(() => expect(logpush.status(ACCOUNT)[1]).toMatchObject({ errorMessage: null, lastError: null }));
});

test("a job that was changed tries at once, and one that was disabled waits", async () => {
  failure = "no";
  const logpush = start([job(1)]);
  logpush.take(source, [item("a")]);
  await waitFor(() => expect(tried).toBeGreaterThanOrEqual(1));
  logpush.load([job(1, { enabled: false })]);
  failure = undefined;
  logpush.load([job(1, { destination: "https://other.example/" })]);
  await waitFor(() => expect(pushed("other.example")).toEqual(["a"]));
});

test("how it went, and what was lost, is known after a restart", async () => {
  failure = "no";
  const first = start([job(1)], { maxSpoolBytes: 60, intervalMs: 1 });
  first.take(source, [item("a")]);
  await waitFor(() => expect(tried).toBeGreaterThanOrEqual(1));
  first.take(source, [item("b")]);
  await waitFor(() => expect(log.at(-1)).toMatch(/records of Logpush job 1 are dropped: there was no room/));
  first.load([job(1, { maxRecords: 5 })]);
  await waitFor(() => expect(tried).toBeGreaterThanOrEqual(2));
  await waitFor(() => expect(start([job(1)]).status(ACCOUNT)[1]).toMatchObject({ errorMessage: "no", dropped: 1 }));
});

test("a template that makes much of little writes no more than its account may", async () => {
  const output = { field_names: ["Logs"], record_template: "{{.Logs}}".repeat(64) };
  const jobs = [job(1, { output }), job(2, { output }), job(3, { output, accountId: OTHER })];
  const logpush = start(jobs, { intervalMs: 60_000, maxSpoolBytes: 1e9, budget: new Budget(1, 2_500_000) });
  const logs = [{ level: "log" as const, message: ["x".repeat(15_000)], timestamp: 1 }];
  const items = Array(4).fill({ ...item(), logs });
  logpush.take(source, items);
  logpush.take({ ...source, accountId: OTHER }, items.slice(2));
  const dropped = (accountId: string, id: number) => logpush.status(accountId)[id]?.dropped;
  expect([dropped(ACCOUNT, 1), dropped(ACCOUNT, 2), dropped(OTHER, 3)]).toEqual([1, 4, 0]);
  expect(log.join()).toContain("Logpush job 2 are dropped: there is more to write than an account may");
});

test("nothing is left of a job that was deleted, now or meanwhile", async () => {
  const directories = () => [1, 2].map((id) => existsSync(join(root, ACCOUNT, String(id))));
  start([job(1), job(2)]);
  const logpush = start([job(2)]);
  await waitFor(() => expect(directories()).toEqual([false, true]));
  logpush.load([]);
  await waitFor(() => expect(directories()).toEqual([false, false]));
});

test("a destination may be tried with a file", async () => {
  const logpush = start([]);
  await logpush.write(ACCOUNT, "https://d.example/", "test.txt.gz", "x");
  expect(gunzipSync(uploads[0]?.upload.body ?? "").toString()).toBe("x");
  failure = "no";
  await expect(logpush.write(ACCOUNT, "https://d.example/", "test.txt.gz", "x")).rejects.toThrow("no");
});
