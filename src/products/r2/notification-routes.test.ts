import { Readable } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type TestPlatform, testPlatform } from "../../store/testing.ts";
import { createQueue } from "../queues/registry.ts";
import { notificationRoutes } from "./notification-routes.ts";
import type { BucketSettings } from "./settings.ts";

let platform: TestPlatform;
/** Of the bucket "photos". */
let settings: BucketSettings;

beforeEach(async () => {
  platform = await testPlatform();
  settings = {};
  platform.services = async (_path, { method, body } = {}) => {
    // As slow as a store is.
    for (let n = 0; n < 5; n++) await turn();
    if (method === "PATCH") {
      const change = JSON.parse(String(body)).settings as BucketSettings;
      settings = { ...settings, ...change };
    }
    const text = JSON.stringify({ name: "photos", accountId: platform.account.id, settings });
    return { status: 200, reason: "", header: () => undefined, body: Readable.from([Buffer.from(text)]) };
  };
});
afterEach(() => platform.end());

test("rules that come at once for several queues are all kept, and those that overlap are found", async () => {
  const accountId = platform.account.id;
  const [a, b] = [await createQueue(platform, accountId, "a", {}), await createQueue(platform, accountId, "b", {})];
  const put = notificationRoutes.find(({ method }) => method === "PUT");
  const add = async (queue: string, prefix: string) => {
    const body = { rules: [{ prefix, actions: ["PutObject"] }] };
    const params = { bucket: "photos", queue };
    await put?.handle({ platform, accountId, params, body } as never);
  };
  await Promise.all([add(a.id, "a/"), add(b.id, "b/"), add(a.id, "c/")]);
  const kept = settings.notifications?.map(({ queueName, rules }) => [queueName, rules.map(({ prefix }) => prefix)]);
  expect(kept?.toSorted()).toEqual([
    ["a", ["a/", "c/"]],
    ["b", ["b/"]],
  ]);
  const both = await Promise.allSettled([add(a.id, "same/"), add(b.id, "same/")]);
  expect(both.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
});
