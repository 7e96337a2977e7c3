import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { Cleanup } from "../../lib/http/testing.ts";
import { Buckets } from "../../products/r2/buckets.ts";
import { ACCOUNT, KEY_ID, SECRET, testKeys } from "../../products/s3/testing.ts";
import { GuardedAgent, ReachableAddresses } from "../../workerd/guarded-agent.ts";
import { readDestination } from "./destination.ts";
import { CERTIFICATE, LogReceiver } from "./testing-receiver.ts";
import { Uploader } from "./upload.ts";

const cleanup = new Cleanup();
const receiver = new LogReceiver();
let buckets: Buckets;

beforeAll(async () => {
  await receiver.listen();
  cleanup.add(() => receiver.close());
  buckets = new Buckets(await cleanup.directory());
  cleanup.add(() => buckets.close());
  await buckets.create(ACCOUNT, "logs");
});
afterAll(() => cleanup.run());
beforeEach(() => {
  receiver.received.length = 0;
  receiver.status = 200;
});

const file = { name: "f.txt", body: Buffer.from("text"), isGzip: false, atMs: Date.UTC(2026, 0, 2) };

function upload(conf: string, { allow = ["127.0.0.0/8", "::1/128"], keys = testKeys() } = {}): Promise<void> {
  const agent = new GuardedAgent(new ReachableAddresses(allow), { ca: CERTIFICATE });
  return new Uploader({ buckets, keys, agent }).upload(ACCOUNT, readDestination(conf, ACCOUNT), file);
}

const r2 = (bucket: string, secret = SECRET) =>
  `r2://${bucket}/x/{DATE}?account-id=${ACCOUNT}&access-key-id=${KEY_ID}&secret-access-key=${encodeURIComponent(secret)}`;
const s3 = () =>
  `s3://logs/x?region=auto&access-key-id=I&secret-access-key=S&sse=AES256&endpoint=${receiver.authority}`;
const https = () => `https://${receiver.authority}/in?header_X-Key=secret&tag=a`;

test("r2:// puts an object into a bucket of the account", async () => {
  await upload(r2("logs"));
  expect(await buckets.require(ACCOUNT, "logs").head("x/20260102/f.txt")).toMatchObject({ size: 4 });
});

test("r2:// needs a key of the account that may write there", async () => {
  await expect(upload(r2("logs", "wrong"))).rejects.toThrow(/access key is not one of the account/);
  await expect(upload(r2("none"))).rejects.toThrow(/there is no bucket none/);
  const reader = testKeys("object-read-only");
  await expect(upload(r2("logs"), { keys: reader })).rejects.toThrow(/may not write to bucket logs/);
  const other = testKeys("object-read-write", ["other"]);
  await expect(upload(r2("logs"), { keys: other })).rejects.toThrow(/may not write to bucket logs/);
});

test("s3:// puts an object, signed", async () => {
  await upload(s3());
  expect(receiver.received).toMatchObject([{ method: "PUT", text: "text" }]);
  const [{ path, headers }] = receiver.received as [(typeof receiver.received)[0]];
  expect(path).toMatch(/^\/logs\/x\/f\.txt\b/);
  expect(headers).toMatchObject({
    authorization: expect.stringContaining("Credential=I/"),
    "x-amz-server-side-encryption": "AES256",
  });
});

test("https:// posts, with headers", async () => {
  await upload(https());
  expect(receiver.received).toMatchObject([
    { method: "POST", path: "/in?tag=a", text: "text", headers: { "x-key": "secret" } },
  ]);
});

test.each([403, 500, 302])("an answer of %i is a failure, and leads nowhere", async (status) => {
  receiver.status = status;
  await expect(upload(https())).rejects.toThrow(`error uploading to https: the server answered ${status}`);
  await expect(upload(s3())).rejects.toThrow(/error uploading to s3: the server answered/);
});

test("nothing is sent to private addresses, whatever the name", async () => {
  for (const conf of [https(), s3(), https().replace("localhost", "127.0.0.1"), s3().replace("localhost", "127.0.0.1")])
    await expect(upload(conf, { allow: [] })).rejects.toThrow(/is no public address/);
  expect(receiver.received).toEqual([]);
});
