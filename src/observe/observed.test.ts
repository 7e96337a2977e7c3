import { expect, test } from "vitest";
import { ObservedScripts, observedScript } from "./observed.ts";

const observed = (settings: Parameters<typeof observedScript>[2]) => observedScript("a", "s", settings, true);

test.each([
  [{}, undefined],
  [{ observability: { enabled: false } }, undefined],
  [{ observability: { enabled: true, logs: { enabled: false } } }, undefined],
  [{ observability: { enabled: true, logs: { persist: false } } }, undefined],
  [{ observability: { enabled: true } }, { headSamplingRate: 1, invocationLogs: true }],
  [{ observability: { logs: { enabled: true } } }, { headSamplingRate: 1, invocationLogs: true }],
  [
    { observability: { enabled: true, head_sampling_rate: 0.5, logs: { invocation_logs: false } } },
    { headSamplingRate: 0.5, invocationLogs: false },
  ],
  [
    { observability: { enabled: true, head_sampling_rate: 0.5, logs: { head_sampling_rate: 0.1 } } },
    { headSamplingRate: 0.1, invocationLogs: true },
  ],
])("with %j logs are stored as %j", (settings, stored) => {
  expect(observed(settings)?.stored).toEqual(stored);
});

test("a script with Tail Workers is observed, each once", () => {
  expect(observed({ tail_consumers: [{ service: "t" }, { service: "u" }, { service: "t" }] })).toEqual({
    accountId: "a",
    script: "s",
    tailConsumers: ["t", "u"],
    logpush: false,
  });
});

test("with logpush a script is observed as long as its account has a job", () => {
  const settings = { logpush: true, tags: ["x"] };
  expect(observed(settings)).toEqual({ accountId: "a", script: "s", tailConsumers: [], logpush: true, tags: ["x"] });
  expect(observedScript("a", "s", settings, false)).toBeUndefined();
});

test("nobody observes a script without reason", () => {
  expect(observed({ tail_consumers: [] })).toBeUndefined();
});

test("scripts are found by account and name", () => {
  const scripts = new ObservedScripts();
  const script = { accountId: "a", script: "s", tailConsumers: ["t"], logpush: false };
  scripts.load({ scripts: [script] });
  expect(scripts.find("a", "s")).toEqual(script);
  expect(scripts.find("b", "s")).toBeUndefined();
  scripts.load({ scripts: [] });
  expect(scripts.find("a", "s")).toBeUndefined();
});
