import { afterAll, beforeAll, expect, test } from "vitest";
import { MAX_DEPLOY_HOOKS } from "./limits.ts";
import { type PagesApi, pagesApi } from "./testing.ts";

let pages: PagesApi;
const source = { type: "github", config: { owner: "me", repo_name: "site" } };

beforeAll(async () => {
  pages = await pagesApi();
  await pages.create("hooked", { source });
  await pages.create("plain");
});
afterAll(() => pages.api.end());

const hooks = (method: string, path = "", body?: unknown) => pages.call(method, `/hooked/deploy_hooks${path}`, body);
const called = (id: string) => pages.api.call("POST", `//pages/webhooks/deploy_hooks/${id}`);

test("a hook has an address of its own, which the list shows again", async () => {
  const { result } = await hooks("POST", "", { name: "cms", branch: "main" });
  expect(result).toEqual({
    hook_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    name: "cms",
    branch: "main",
    url: `http://localhost:8787/client/v4/pages/webhooks/deploy_hooks/${result.hook_id}`,
    created_on: expect.any(String),
  });
  expect((await hooks("GET")).result).toEqual([result]);
  expect((await pages.call("GET", "/plain/deploy_hooks")).result).toEqual([]);
});

test("is not stored in clear, and not in the audit trail", async () => {
  const { hook_id } = (await hooks("GET")).result[0];
  const { db, audited } = pages.api.platform;
  const rows = await db.selectFrom("pages_deploy_hooks").selectAll().execute();
  expect(rows).toHaveLength(1);
  expect(audited).toContainEqual(expect.objectContaining({ action: "pages.create-deploy-hook" }));
  expect(JSON.stringify([rows, audited])).not.toContain(hook_id);
});

test("a call says what is missing and starts nothing", async () => {
  const { hook_id } = (await hooks("GET")).result[0];
  const answer = await called(hook_id);
  expect([answer.status, answer.code]).toEqual([501, 8000112]);
  expect(answer.errors[0]?.message).toMatch(/"cms".*"main".*nothing was started/);
  expect((await pages.call("GET", "/hooked/deployments")).result).toEqual([]);
  expect((await called("00000000-0000-4000-8000-000000000000")).code).toBe(8000113);
});

test("a hook of a project that lost its repository says so", async () => {
  const { hook_id } = (await hooks("GET")).result[0];
  await pages.call("DELETE", "/hooked/source");
  expect((await called(hook_id)).code).toBe(8000115);
  await pages.call("POST", "/hooked/source", source);
});

test.each([
  ["of a name that is taken", "hooked", { name: "cms", branch: "dev" }, 8000114],
  ["without a branch", "hooked", { name: "x", branch: "" }, 8000103],
  ["of a project without a repository", "plain", { name: "x", branch: "main" }, 8000115],
  ["of no project", "none", { name: "x", branch: "main" }, 8000007],
])("none can be made %s", async (_, project, body, code) => {
  expect((await pages.call("POST", `/${project}/deploy_hooks`, body)).code).toBe(code);
});

test("a project has a bounded number of them", async () => {
  for (let made = 1; made < MAX_DEPLOY_HOOKS; made++)
    expect((await hooks("POST", "", { name: `hook ${made}`, branch: "main" })).status).toBe(200);
  expect((await hooks("POST", "", { name: "one more", branch: "main" })).code).toBe(8000103);
});

test("a hook that was deleted is good no more, and neither is one of another project here", async () => {
  const { hook_id } = (await hooks("GET")).result[0];
  expect((await pages.call("DELETE", `/plain/deploy_hooks/${hook_id}`)).code).toBe(8000113);
  expect((await hooks("DELETE", `/${hook_id}`)).status).toBe(200);
  expect((await hooks("DELETE", `/${hook_id}`)).code).toBe(8000113);
  expect(JSON.stringify(pages.api.platform.audited)).not.toContain(hook_id);
  expect((await called(hook_id)).code).toBe(8000113);
});

test("hooks end with their project", async () => {
  const { hook_id } = (await hooks("GET")).result[0];
  await pages.call("DELETE", "/hooked");
  expect((await called(hook_id)).code).toBe(8000113);
});
