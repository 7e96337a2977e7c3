import { expect, test } from "vitest";
import { testContext, testRecord } from "../../workerd/testing.ts";
import { planLaunch } from "../launch.ts";

const record = testRecord(
  new Map(),
  { "index.js": "export default {}" },
  { bindings: [{ type: "kv_namespace", name: "CACHE", namespaceId: "b".repeat(32) }] },
);

test("the binding leads to the back-end by the runner's socket, and says which it is", () => {
  const { config } = planLaunch(record, testContext);
  expect(config).toContain('(name = "CACHE", kvNamespace = "kv:CACHE")');
  expect(config).toContain(
    '(name = "kv:CACHE", external = (address = "unix:/v/backends.sock", http = (injectRequestHeaders = [' +
      '(name = "freehold-binding", value = "CACHE"), (name = "CF-KV-FLPROD-405")])))',
  );
});

test("while code is inspected it leads nowhere", () => {
  const { config } = planLaunch(record, { ...testContext, mode: "inspect" });
  expect(config).toContain('(name = "CACHE", kvNamespace = "internet")');
  expect(config).not.toContain("backends.sock");
});
