import { Readable } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Modules, uploadForm } from "../workers/testing.ts";
import { type PagesApi, pagesApi } from "./testing.ts";

let pages: PagesApi;
beforeAll(async () => {
  pages = await pagesApi({ FREEHOLD_HTTPS_PORT: "443" });
  // A session of live logs.
  const opened = JSON.stringify({ id: "1", secret: "s", expiresMs: 0 });
  pages.api.platform.services = async () => ({
    status: 200,
    reason: "",
    header: () => undefined,
    body: Readable.from([opened]),
  });
});
afterAll(() => pages.api.end());

async function upload(script: string) {
  const { token } = (await pages.api.call("GET", "/subdomain/edge-preview")).result;
  const form = uploadForm({ keep_bindings: ["plain_text", "json", "secret_text"] });
  const headers = { "cf-preview-upload-config-token": token };
  return pages.api.call("POST", `/scripts/${script}/edge-preview`, form, headers);
}

test("a project is developed remotely with production's secrets, also when a preview was deployed last", async () => {
  const secret = (value: string) => ({ env_vars: { KEY: { type: "secret_text", value } } });
  await pages.create("shop", { deployment_configs: { production: secret("live"), preview: secret("test") } });
  const modules: Modules = { "index.js": ["export default {}", "application/javascript+module"] };
  await pages.deploy("shop", { modules });
  await pages.deploy("shop", { modules, branch: "dev" });
  const { status, result } = await upload("pages-worker--shop");
  expect([status, result.tail_url]).toEqual([200, expect.stringMatching(/\/client\/v4\/tails\/s$/)]);
  const { bindings } = [...pages.api.platform.runtime.records.values()].at(-1) ?? {};
  expect(bindings?.find(({ name }) => name === "KEY")).toMatchObject({ text: pages.api.platform.seal("live") });
});

test("a project that is not there is none", async () => {
  expect((await upload("pages-worker--none")).code).toBe(10016);
});
