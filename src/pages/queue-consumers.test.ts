import { afterAll, beforeAll, expect, test } from "vitest";
import { ConsumerBody } from "../products/queues/consumer-body.ts";
import { addConsumer } from "../products/queues/consumers.ts";
import { createQueue } from "../products/queues/registry.ts";
import { type PagesApi, pagesApi } from "./testing.ts";

let pages: PagesApi;
beforeAll(async () => {
  pages = await pagesApi();
});
afterAll(() => pages.api.end());

const modules = { "index.js": ["export default {}", "application/javascript+module"] } as const;
/** What the runtime says of code from now on. */
const exporting = (...handlers: string[]) => {
  const exports = [{ name: "default", kind: "object" as const, handlers }];
  pages.api.platform.runtime.validation = { ok: true, exports, startupTimeMs: 1 };
};

test("who consumes a queue has code with a handler, a Worker or a project, and keeps it", async () => {
  const { platform } = pages.api;
  const queue = await createQueue(platform, platform.account.id, "letters", {});
  const add = (script_name: string) => addConsumer(platform, queue, ConsumerBody.parse({ script_name }));
  const refused = expect.objectContaining({ status: 400, failures: [expect.objectContaining({ code: 11001 })] });
  await pages.create("shop");
  exporting("fetch");
  await pages.api.deploy("worker");
  await pages.deploy("shop", { modules: { "index.js": [...modules["index.js"]] } });
  await expect(add("worker")).rejects.toEqual(refused);
  await expect(add("pages-worker--shop")).rejects.toEqual(refused);

  exporting("fetch", "queue");
  const { id } = (await pages.deploy("shop", { modules: { "index.js": [...modules["index.js"]] } })).result;
  await add("pages-worker--shop");
  exporting("fetch");
  // Files alone have none either; previews are no consumers.
  const files = (await pages.deploy("shop")).result;
  expect(files.latest_stage).toMatchObject({ name: "deploy", status: "failure" });
  const { result } = await pages.call("GET", `/shop/deployments/${files.id}/history/logs`);
  expect(result.data.at(-1).line).toContain('"letters", and this code has no queue() handler');
  expect((await pages.deploy("shop", { branch: "dev" })).result.latest_stage.status).toBe("success");
  expect((await pages.call("GET", "/shop")).result.canonical_deployment.id).toBe(id);
});
