import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { paths } from "../domain/paths.ts";
import { collectAssets } from "../products/assets/collect.ts";
import { contentPath } from "../products/assets/content-path.ts";
import { wranglerHash } from "../products/assets/testing-upload.ts";
import type { Answer, Modules } from "../workers/testing.ts";
import { forgetFailed } from "./failed-deployments.ts";
import { FAILED_DEPLOYMENT_DAYS, MAX_FAILED_DEPLOYMENTS } from "./limits.ts";
import { type DeployOptions, type PagesApi, pagesApi } from "./testing.ts";

let pages: PagesApi;
beforeAll(async () => {
  pages = await pagesApi();
});
afterAll(() => pages.api.end());

const DAY_MS = 86_400_000;
const code = (text: string): Modules => ({ "index.js": [text, "application/javascript+module"] });
const record = (id: string) => pages.api.platform.runtime.records.get(id);

/** A deployment whose code does not start. */
async function fail(name: string, options: DeployOptions): Promise<Answer["result"]> {
  const { runtime } = pages.api.platform;
  const { validation } = runtime;
  runtime.validation = { ok: false, code: 10021, message: "Uncaught SyntaxError" };
  const { result } = await pages.deploy(name, options);
  runtime.validation = validation;
  expect(result.latest_stage).toMatchObject({ name: "deploy", status: "failure" });
  return result;
}
const retry = (name: string, id: string) => pages.call("POST", `/${name}/deployments/${id}/retry`);
const collect = (afterMs: number) => collectAssets(pages.api.platform, { nowMs: Date.now() + afterMs });
const isStored = async (text: string) => {
  const key = createHash("sha256").update(text).digest("hex");
  return (await pages.api.platform.blobs.get(key)) !== undefined;
};
const content = (path: string, text: string) =>
  contentPath(
    paths(pages.api.platform.config).assets,
    pages.api.platform.account.id,
    wranglerHash(path, text),
    "identity",
  );

test("a deployment that failed is deployed again with its files, code and rules, and what the project has now", async () => {
  await pages.create("shop");
  const failed = await fail("shop", {
    files: { "/index.html": "kept" },
    modules: code("export default { kept: 1 }"),
    parts: { "_routes.json": '{"version":1,"include":["/api/*"],"exclude":[]}', _headers: "/*\n  X-A: b" },
  });
  // Long after the time that uploads may take.
  await collect(FAILED_DEPLOYMENT_DAYS * DAY_MS);
  await pages.call("PATCH", "/shop", { deployment_configs: { production: { env_vars: { NOW: { value: "1" } } } } });
  const { result } = await retry("shop", failed.id);
  expect(result).toMatchObject({
    latest_stage: { name: "deploy", status: "success" },
    uses_functions: true,
    deployment_trigger: failed.deployment_trigger,
  });
  expect(result.id).not.toBe(failed.id);
  const made = record(result.id);
  expect(made?.bindings.find(({ name }) => name === "NOW")).toMatchObject({ text: "1" });
  expect(made?.modules.map(({ name }) => name)).toEqual(["index.js"]);
  const site = JSON.parse(Buffer.from((await pages.api.platform.blobs.get(made?.assets?.site ?? "")) ?? []).toString());
  expect(site).toMatchObject({
    headers: "/*\n  X-A: b",
    functionRoutes: { include: ["/api/*"], exclude: [] },
    hasWorker: true,
  });
  expect((await pages.call("GET", "/shop")).result.canonical_deployment.id).toBe(result.id);
});

test("one that fails again is one more that failed", async () => {
  const { runtime } = pages.api.platform;
  const failed = await fail("shop", { modules: code("export default { again: 1 }") });
  const { validation } = runtime;
  runtime.validation = { ok: false, code: 10021, message: "Uncaught ReferenceError" };
  const { result } = await retry("shop", failed.id);
  runtime.validation = validation;
  expect(result.latest_stage).toMatchObject({ name: "deploy", status: "failure" });
  expect((await retry("shop", result.id)).result.latest_stage.status).toBe("success");
});

test("a wrangler file has its say when its deployment comes to something, as it would have had then", async () => {
  await pages.create("filed");
  const parts = { wrangler_config_hash: "a".repeat(64), pages_build_output_dir: "dist" };
  const metadata = { bindings: [{ type: "plain_text", name: "SAID", text: "by the file" }] };
  const failed = await fail("filed", { modules: code("export default { filed: 1 }"), metadata, parts });
  expect((await pages.call("GET", "/filed")).result.build_config.destination_dir).toBeUndefined();
  const { id } = (await retry("filed", failed.id)).result;
  expect(record(id)?.bindings.find(({ name }) => name === "SAID")).toMatchObject({ text: "by the file" });
  const { build_config, deployment_configs } = (await pages.call("GET", "/filed")).result;
  expect([build_config.destination_dir, deployment_configs.production.env_vars.SAID.value]).toEqual([
    "dist",
    "by the file",
  ]);
});

test("the newest of a project are kept, for a time; what they alone had uploaded is removed after them", async () => {
  await pages.create("often");
  await pages.create("other");
  const options = (number: number): DeployOptions => ({
    files: { "/index.html": `page ${number}` },
    modules: code(`export default { number: ${number} }`),
  });
  const failed: string[] = [];
  for (let number = 0; number <= MAX_FAILED_DEPLOYMENTS; number++)
    failed.push((await fail("often", options(number))).id);
  const bystander = (await fail("other", options(0))).id;
  const [oldest = "", next = ""] = failed;
  expect((await retry("often", oldest)).code).toBe(8000104);
  expect((await pages.call("GET", "/often/deployments")).resultInfo?.total_count).toBe(MAX_FAILED_DEPLOYMENTS);
  const served = (await retry("often", next)).result.id;

  const there = async () => [
    ...[0, 1, 2].map((number) => existsSync(content("/index.html", `page ${number}`))),
    ...(await Promise.all([0, 1, 2].map((number) => isStored(`export default { number: ${number} }`)))),
  ];
  await collect(DAY_MS);
  // Another project's failed deployment has the first ones too.
  expect(await there()).toEqual([true, true, true, true, true, true]);
  expect((await pages.call("DELETE", `/other/deployments/${bystander}`)).status).toBe(200);
  await forgetFailed(pages.api.platform.db, Date.now() + (FAILED_DEPLOYMENT_DAYS - 1) * DAY_MS);
  await collect(3 * DAY_MS);
  expect(await there()).toEqual([false, true, true, false, true, true]);
  await forgetFailed(pages.api.platform.db, Date.now() + (FAILED_DEPLOYMENT_DAYS + 1) * DAY_MS);
  await collect(3 * DAY_MS);
  // The second was deployed.
  expect(await there()).toEqual([false, true, false, false, true, false]);
  const { result } = await pages.call("GET", "/often/deployments");
  expect(result.map(({ id }: { id: string }) => id)).toEqual([served]);
});
