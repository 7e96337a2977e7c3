import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { errorsLike } from "../lib/testing-console.ts";
import { type TestApi, testApi, uploadForm } from "./testing.ts";

let api: TestApi;
beforeEach(async () => {
  api = await testApi();
});
afterEach(() => api.end());

const bindings = (text: string) => [{ type: "plain_text", name: "V", text }];

test("parallel deploys give one order: numbers, deployments and retirements agree", async () => {
  const ids = await Promise.all(
    Array.from({ length: 12 }, (_, n) => api.deploy("w", { bindings: bindings(String(n)) })),
  );
  expect(new Set(ids).size).toBe(12);
  const versions = (await api.call("GET", "/scripts/w/versions")).result.items;
  expect(versions.map(({ number }: { number: number }) => number)).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
  const { deployments } = (await api.call("GET", "/scripts/w/deployments")).result;
  const deployed = deployments.map((entry: { versions: { version_id: string }[] }) => entry.versions[0]?.version_id);
  expect(deployed).toEqual(versions.map(({ id }: { id: string }) => id));
  // Each but the last was retired once, in order.
  expect(api.platform.runtime.retired).toEqual(deployed.slice(1).toReversed());
});

test("parallel secrets all survive", async () => {
  await api.deploy("w");
  const names = Array.from({ length: 8 }, (_, n) => `S${n}`);
  await Promise.all(
    names.map((name) => api.call("PUT", "/scripts/w/secrets", { name, text: "x", type: "secret_text" })),
  );
  const secrets = (await api.call("GET", "/scripts/w/secrets")).result;
  expect(secrets.map(({ name }: { name: string }) => name).sort()).toEqual(names);
});

test("one script does not wait for another", async () => {
  const { runtime } = api.platform;
  const validate = runtime.validate.bind(runtime);
  const gate = Promise.withResolvers<void>();
  runtime.validate = async (record) => {
    if (record.scriptName === "slow") await gate.promise;
    return validate(record);
  };
  const slow = api.deploy("slow");
  await api.deploy("fast");
  gate.resolve();
  await slow;
});

test("the answer comes after publication; a publication that fails is an error that may be repeated", async () => {
  const { runtime } = api.platform;
  const publish = runtime.publish.bind(runtime);
  const logged = errorsLike(/edges are silent/);
  runtime.publish = () => Promise.reject(new Error("edges are silent"));
  const failed = await api.call("PUT", "/scripts/w", uploadForm());
  expect(failed).toMatchObject({ status: 503, code: 10013 });
  expect(failed.errors[0]?.message).not.toContain("edges are silent");
  expect(logged).toHaveLength(1);
  runtime.publish = publish;
  const id = await api.deploy("w");
  const { deployments } = (await api.call("GET", "/scripts/w/deployments")).result;
  expect(deployments[0].versions[0].version_id).toBe(id);
  expect(deployments).toHaveLength(2);
});

test("when the database refuses, the runner that was warmed is let go", async () => {
  const { platform } = api;
  const { db } = platform;
  await api.deploy("w");
  const transaction = vi.spyOn(db, "transaction").mockImplementation(() => {
    throw new Error("disk full");
  });
  await expect(api.deploy("w")).rejects.toThrow();
  transaction.mockRestore();
  const orphan = platform.runtime.prepared.at(-1);
  expect(platform.runtime.retired).toEqual([orphan]);
  expect((await api.call("GET", "/scripts/w/versions")).result.items).toHaveLength(1);
});
