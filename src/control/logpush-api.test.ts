/** Logpush jobs over the API, as the official SDK calls it: shapes, refusals, and what is published for services. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import Cloudflare from "cloudflare";
import { afterEach, beforeEach, expect, test } from "vitest";
import { publishedJobs } from "../observe/logpush/job-store.ts";
import { SealedRowFile } from "../store/sealed-row-file.ts";
import { allRoutes } from "./routes.ts";
import { SnapshotTaker } from "./snapshot.ts";
import { type TestControl, testControl } from "./testing.ts";
import { addScript } from "./testing-scripts.ts";

let control: TestControl;
let sdk: Cloudflare;
let account: { account_id: string };
/** What services were asked to write. */
let files: { destination: string; name: string; content: string }[];
let failure: string | undefined;
const status = { lastComplete: "2026-01-01T00:00:00.000Z", lastError: null, errorMessage: null, dropped: 0 };

beforeEach(async () => {
  control = await testControl(allRoutes);
  account = { account_id: control.accountId };
  files = [];
  failure = undefined;
  sdk = new Cloudflare({
    apiToken: control.keys.admin,
    baseURL: "http://localhost:8787/client/v4",
    maxRetries: 0,
    fetch: async (address, init) => control.app.request(String(address), init as RequestInit),
  });
  control.platform.services = async (path, { body = "" } = {}) => {
    const isWrite = path.endsWith("/write");
    if (isWrite) files.push(JSON.parse(String(body)));
    const refused = isWrite && failure !== undefined;
    const reply = refused ? { message: failure } : isWrite ? {} : { 1: status };
    return {
      status: refused ? 422 : 200,
      reason: "",
      header: () => undefined,
      body: Readable.from([Buffer.from(JSON.stringify(reply))]),
    };
  };
});
afterEach(() => control.end());

const conf = () => `r2://logs/x?account-id=${control.accountId}&access-key-id=ID&secret-access-key=SECRET`;
const filter = JSON.stringify({ where: { key: "Outcome", operator: "!eq", value: "ok" } });
const create = (parts: object = {}) =>
  sdk.logpush.jobs.create({ ...account, dataset: "workers_trace_events", destination_conf: conf(), ...parts });

/** Code and message of a refusal. */
async function refusal(promise: Promise<unknown>): Promise<[number | undefined, string]> {
  try {
    await promise;
    return [undefined, "nothing was refused"];
  } catch (error) {
    const { errors } = error as { errors: { code: number; message: string }[] };
    return [errors[0]?.code, errors[0]?.message ?? ""];
  }
}

test("a job is made, listed, changed and deleted; its key is shown nowhere", async () => {
  const made = await create({
    name: "mine",
    enabled: true,
    filter,
    output_options: { field_names: ["Outcome"], sample_rate: 0.5 },
    max_upload_records: 1000,
  });
  const shown = {
    id: 1,
    dataset: "workers_trace_events",
    kind: "",
    enabled: true,
    name: "mine",
    destination_conf: conf().replace("SECRET", "REDACTED"),
    output_options: { field_names: ["Outcome"], sample_rate: 0.5 },
    filter,
    max_upload_bytes: null,
    max_upload_records: 1000,
    max_upload_interval_seconds: null,
    last_complete: null,
    last_error: null,
    error_message: null,
  };
  expect(made).toEqual(shown);
  expect(files).toEqual([{ destination: conf(), name: "test.txt.gz", content: '{"content":"tests"}' }]);
  const known = { ...shown, last_complete: status.lastComplete };
  expect((await sdk.logpush.jobs.list(account)).result).toEqual([known]);
  expect((await sdk.logpush.datasets.jobs.get("workers_trace_events", account)).result).toEqual([known]);
  expect(await sdk.logpush.jobs.get(1, account)).toEqual(known);

  // What was read may be sent back: the key stays.
  const { destination_conf } = shown;
  const changed = await sdk.logpush.jobs.update(1, { ...account, destination_conf, enabled: false, filter: "" });
  expect(changed).toEqual({ ...known, enabled: false, filter: "" });
  expect(files).toHaveLength(1);
  expect(await sdk.logpush.jobs.delete(1, account)).toEqual({ id: 1 });
  expect(await refusal(sdk.logpush.jobs.get(1, account))).toEqual([
    1003,
    expect.stringContaining('no Logpush job "1"'),
  ]);
  expect(await create()).toMatchObject({ id: 2, enabled: false });
  expect(control.platform.runtime.published).toBe(4);
  const trail = await control.platform.db.selectFrom("audit_events").selectAll().execute();
  expect(JSON.stringify(trail)).not.toContain("SECRET");
});

test("services get the jobs sealed, and scripts with logpush are observed while there is one that is enabled", async () => {
  await addScript(control.platform, "pushed", 1);
  await control.platform.db
    .updateTable("scripts")
    .set({ settings_json: '{"logpush":true,"tags":["red"]}' })
    .where("name", "=", "pushed")
    .execute();
  const observed = async () => (await new SnapshotTaker(control.platform.db, 0).take()).observed;
  await create({ frequency: "low", logpull_options: "fields=Outcome,Logs&sample=0.1&CVE-2021-44228=true" });
  expect(await observed()).toEqual([]);
  await sdk.logpush.jobs.update(1, { ...account, enabled: true });
  expect(await observed()).toMatchObject([{ script: "pushed", logpush: true, tags: ["red"] }]);

  const path = join(control.platform.config.dataDir, "logpush.json");
  await new SealedRowFile(control.platform.db, path, control.platform.unseal, publishedJobs).write();
  const [job] = JSON.parse(readFileSync(path, "utf8"));
  expect(job).toMatchObject({
    id: 1,
    accountId: control.accountId,
    enabled: true,
    filter: "",
    output: { field_names: ["Outcome", "Logs"], sample_rate: 0.1, "CVE-2021-44228": true },
    maxIntervalSeconds: 300,
  });
  expect(control.platform.unseal(job)).toBe(conf());
});

test.each<[string, object, RegExp]>([
  ["another dataset", { dataset: "http_requests" }, /Dataset "http_requests" is not there/],
  ["a destination that is not known", { destination_conf: "gs://bucket" }, /gs:\/\/ is not known here/],
  ["a bad filter", { filter: "{}" }, /filter is not valid/],
  ["a field that is not there", { output_options: { field_names: ["RayID"] } }, /no field "RayID"/],
  ["small batches", { max_upload_bytes: 1000 }, /max_upload_bytes.*from 5000000 to 1000000000/],
  ["few records", { max_upload_records: 999 }, /from 1000 to 1000000/],
  ["short intervals", { max_upload_interval_seconds: 5 }, /from 30 to 300/],
  ["no records", { output_options: { sample_rate: 0 } }, /sample_rate/],
  ["Edge Log Delivery", { kind: "edge" }, /Edge Log Delivery/],
  ["options that are not known", { output_options: { colour: "red" } }, /colour/],
  ["a false proof", { ownership_challenge: "nonsense" }, /not the token/],
])("%s is refused", async (_, parts, message) => {
  expect((await refusal(create(parts)))[1]).toMatch(message);
  expect(files).toEqual([]);
});

test("a destination that takes no file is refused", async () => {
  failure = "error uploading to r2: there is no bucket logs";
  expect(await refusal(create())).toEqual([1004, `error validating destination: ${failure}`]);
  const check = () => sdk.logpush.validate.destination({ ...account, destination_conf: conf() });
  expect(await check()).toEqual({ valid: false, message: `error validating destination: ${failure}` });
  failure = undefined;
  expect(await check()).toEqual({ valid: true, message: "" });
});

test("ownership is shown by a token in a file", async () => {
  const made = await sdk.logpush.ownership.create({ ...account, destination_conf: conf() });
  expect(made).toEqual({
    valid: true,
    message: "",
    filename: expect.stringMatching(/^x\/ownership-challenge-[0-9a-f]{8}\.txt$/),
  });
  const ownership_challenge = files[0]?.content ?? "";
  const check = (destination_conf: string) =>
    sdk.logpush.ownership.validate({ ...account, destination_conf, ownership_challenge });
  expect(await check(conf())).toEqual({ valid: true });
  expect(await check(conf().replace("logs", "others"))).toEqual({ valid: false });
  expect(await create({ ownership_challenge })).toMatchObject({ id: 1 });
});

test("what there is can be asked", async () => {
  const exists = (destination_conf: string) => sdk.logpush.validate.destinationExists({ ...account, destination_conf });
  expect(await exists(conf())).toEqual({ exists: false });
  await create();
  expect(await exists(conf())).toEqual({ exists: true });
  expect(await exists("r2://logs/x")).toEqual({ exists: true });
  const fields = await sdk.logpush.datasets.fields.get("workers_trace_events", account);
  expect(Object.keys(fields ?? {})).toContain("WallTimeMs");
  const origin = (logpull_options: string) => sdk.logpush.validate.origin({ ...account, logpull_options });
  expect(await origin("fields=Outcome&timestamps=rfc3339")).toEqual({ valid: true, message: "" });
  expect(await origin("fields=RayID")).toMatchObject({ valid: false, message: expect.stringContaining("RayID") });
});

test("only an admin changes jobs, and there is an end to them", async () => {
  for (const as of ["read", "edit"] as const) {
    const path = `/accounts/${control.accountId}/logpush/jobs`;
    expect((await control.call("POST", path, { as, body: { destination_conf: conf() } })).status).toBe(403);
  }
  for (let count = 0; count < 10; count++) await create();
  expect(await refusal(create())).toEqual([1005, expect.stringContaining("10 Logpush jobs")]);
});
