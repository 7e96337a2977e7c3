import { expect, it } from "vitest";
import type { LaunchContext } from "../../workerd/plan.ts";
import { testRecord, testUnseal } from "../../workerd/testing.ts";
import { planLaunch } from "../launch.ts";

const context: LaunchContext = {
  mode: "serve",
  socketDir: "/s",
  servicesDir: "/v",
  placement: { kind: "none" },
  stateDir: "/state",
  emptyDir: "/e",
  allowPrivate: [],
  unseal: testUnseal,
};
const bindings = [
  { type: "assets" as const, name: "ASSETS" },
  { type: "assets" as const, name: "FILES" },
];
const record = testRecord(new Map(), { "index.js": "export default {}" }, { bindings });

it("leads to one socket of the services role, whatever number of bindings", () => {
  const plan = planLaunch(record, context);
  expect(plan.assets).toEqual({ socket: "assets.sock" });
  expect(plan.config.match(/name = "assets", external = [^)]*\)\)/g)).toEqual([
    'name = "assets", external = (address = "unix:/v/assets.sock", http = (forwardedProtoHeader = "x-forwarded-scheme"))',
  ]);
  expect(plan.config).toContain('(name = "ASSETS", service = "assets"), (name = "FILES", service = "assets")');
});

it("leads nowhere while the code is inspected, and needs no socket without a binding", () => {
  expect(planLaunch(record, { ...context, mode: "inspect" })).not.toHaveProperty("assets");
  expect(planLaunch({ ...record, bindings: [] }, context)).not.toHaveProperty("assets");
});
