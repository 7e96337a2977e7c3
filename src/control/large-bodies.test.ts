/** Bodies that routes read by themselves: refused by their announced length, before they are read. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { allRoutes } from "./routes.ts";
import { type TestControl, testControl } from "./testing.ts";

let control: TestControl;
const ids: Record<string, string> = {};
beforeAll(async () => {
  control = await testControl(allRoutes);
  const make = async (path: string, body: unknown) => {
    const { json } = await control.call("POST", `/accounts/${control.accountId}${path}`, { body });
    const result: { id?: string; queue_id?: string } = json.result;
    return result.queue_id ?? result.id ?? "";
  };
  ids.queue = await make("/queues", { queue_name: "letters" });
  ids.namespace = await make("/storage/kv/namespaces", { title: "n" });
  ids.store = await make("/secrets_store/stores", { name: "s" });
});
afterAll(() => control.end());

it.each([
  ["POST", "/queues/:queue/messages", 1_048_577, 413, "10205"],
  ["POST", "/queues/:queue/messages/batch", 1_048_577, 413, "10205"],
  ["POST", "/analytics_engine/sql", 65_537, 422, "too long"],
  ["PUT", "/storage/kv/namespaces/:namespace/bulk", 200_000_000, 400, "larger than"],
  ["DELETE", "/secrets_store/stores/:store/secrets", 65_537, 400, "list of objects"],
  ["POST", "/workers/scripts/w/assets-upload-session", 200_000_000, 413, "10304"],
  ["PUT", "/workers/scripts/w", 200_000_000, 413, "10027"],
])("%s %s", async (method, path, length, status, text) => {
  let pulled = 0;
  const body = new ReadableStream({ pull: () => void pulled++ }, { highWaterMark: 0 });
  const url = `http://localhost:8787/client/v4/accounts/${control.accountId}${path.replace(/:(\w+)/, (_, name) => ids[name] ?? "")}`;
  const headers = {
    authorization: `Bearer ${control.keys.admin}`,
    "content-type": "multipart/form-data; boundary=x",
    "content-length": String(length),
  };
  const response = await control.app.request(url, { method, headers, body, duplex: "half" } as RequestInit);
  const answer = await response.text();
  expect([response.status, answer]).toEqual([status, expect.stringContaining(text)]);
  expect(pulled).toBe(0);
});
