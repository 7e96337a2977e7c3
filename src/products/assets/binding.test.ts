import { expect, it } from "vitest";
import { testContext, testRecord } from "../../workerd/testing.ts";
import { planLaunch } from "../launch.ts";

const bindings = [
  { type: "assets" as const, name: "ASSETS" },
  { type: "assets" as const, name: "FILES" },
];
const record = testRecord(new Map(), { "index.js": "export default {}" }, { bindings });

it("leads to one socket of the services role, whatever number of bindings", () => {
  const plan = planLaunch(record, testContext);
  expect(plan.assets).toEqual({ socket: "assets.sock" });
  expect(plan.config.match(/name = "assets", external = [^)]*\)\)/g)).toEqual([
    'name = "assets", external = (address = "unix:/v/assets.sock", http = (forwardedProtoHeader = "x-forwarded-scheme"))',
  ]);
  expect(plan.config).toContain('(name = "ASSETS", service = "assets"), (name = "FILES", service = "assets")');
});

it("leads nowhere while the code is inspected, and needs no socket without a binding", () => {
  expect(planLaunch(record, { ...testContext, mode: "inspect" })).not.toHaveProperty("assets");
  expect(planLaunch({ ...record, bindings: [] }, testContext)).not.toHaveProperty("assets");
});
