/** Account-level secrets: `wrangler secrets-store`, the official SDK, and Workers that read them. */
import Cloudflare from "cloudflare";
import { afterAll, beforeAll, expect, test } from "vitest";
import { killProcess, urlPrintedBy } from "./harness/platform.ts";
import { Project } from "./harness/project.ts";
import { filesWith } from "./harness/search.ts";
import { usePlatform } from "./harness/suite.ts";

const platform = usePlatform();
const clear = "correct-horse-battery-staple";
const changed = "third-horse-battery-staple";

const WORKER = `export default {
  async fetch(request, env) {
    try {
      const value = await env.KEY.get();
      return Response.json({ value, own: Object.keys(env.KEY), type: typeof env.KEY.get });
    } catch (error) {
      return Response.json({ error: error.message });
    }
  },
};`;

let app: Project;
let address: string;
let storeId: string;
let secretId: string;

beforeAll(() => {
  app = new Project("hello-ts");
  app.write("src/index.ts", WORKER);
});
afterAll(() => app[Symbol.dispose]());

const client = () =>
  new Cloudflare({
    apiToken: platform().clientEnv.CLOUDFLARE_API_TOKEN ?? "",
    baseURL: platform().clientEnv.CLOUDFLARE_API_BASE_URL ?? "",
  });
const account = () => ({ account_id: platform().api.account });
const store = (...args: string[]) =>
  platform().wranglerOk(app.directory, ["secrets-store", ...args, "--remote"], { input: clear });
const idIn = (output: string) => /ID: ([0-9a-f]{32})/.exec(output)?.[1] ?? "";
const read = async (): Promise<unknown> => (await platform().fetch(address)).json();
const value = async () => ((await read()) as { value?: string }).value;

test("wrangler makes a store and a secret, and a Worker that is bound to it reads it", async () => {
  storeId = idIn(await store("store", "create", "default_secrets_store"));
  secretId = idIn(await store("secret", "create", storeId, "--name", "MY_KEY", "--scopes", "workers"));
  expect(await store("secret", "list", storeId)).toMatch(/MY_KEY.*active/);
  app.configure({ secrets_store_secrets: [{ binding: "KEY", store_id: storeId, secret_name: "MY_KEY" }] });
  const output = await platform().wranglerOk(app.directory, ["deploy"]);
  expect(output).toContain(`env.KEY (${storeId}/MY_KEY)`);
  address = urlPrintedBy(output);
  expect(await read()).toEqual({ value: clear, own: [], type: "function" });
  const { bindings } = (await platform().api.get("/workers/scripts/hello/settings")) as { bindings: unknown[] };
  expect(bindings).toContainEqual({
    type: "secrets_store_secret",
    name: "KEY",
    store_id: storeId,
    secret_name: "MY_KEY",
  });
});

test("a new value is what the running Worker reads next", async () => {
  await store("secret", "update", storeId, "--secret-id", secretId, "--value", "second");
  expect(await value()).toBe("second");
  const versions = (await platform().api.get("/workers/scripts/hello/versions")) as { items: unknown[] };
  expect(versions.items).toHaveLength(1);
});

test("the SDK lists, changes and duplicates; what it is told to delete is gone for the Worker", async () => {
  const { secrets } = client().secretsStore.stores;
  const names = async () => {
    const found: string[] = [];
    for await (const { name } of secrets.list(storeId, { ...account(), order: "name" })) found.push(name);
    return found;
  };
  await secrets.edit(secretId, { ...account(), store_id: storeId, value: changed });
  expect(await value()).toBe(changed);
  const copy = await secrets.duplicate(secretId, {
    ...account(),
    store_id: storeId,
    name: "COPY",
    scopes: ["workers"],
  });
  expect(copy).toMatchObject({ name: "COPY", status: "active", store_id: storeId });
  expect(await names()).toEqual(["COPY", "MY_KEY"]);
  expect(await client().secretsStore.quota.get(account())).toEqual({ secrets: { quota: 100, usage: 2 } });
  await secrets.edit(secretId, { ...account(), store_id: storeId, scopes: ["ai_gateway"] });
  expect(await read()).toEqual({ error: 'Secret "MY_KEY" is not for Workers: it lacks the scope "workers"' });
  await secrets.delete(secretId, { ...account(), store_id: storeId });
  expect(await read()).toEqual({ error: 'Secret "MY_KEY" not found' });
  const created = await secrets.create(storeId, {
    ...account(),
    body: [{ name: "MY_KEY", value: clear, scopes: ["workers"] }],
  });
  expect(created.getPaginatedItems()).toHaveLength(1);
  expect(await value()).toBe(clear);
});

test("a deploy refuses a secret that is not there", async () => {
  app.configure({ secrets_store_secrets: [{ binding: "KEY", store_id: storeId, secret_name: "GONE" }] });
  const { code, output } = await platform().wrangler(app.directory, ["deploy"]);
  expect(code).not.toBe(0);
  expect(output).toMatch(/references store '[0-9a-f]{32}' and secret 'GONE' which were not found.*\[code: 10182\]/s);
});

test("a Worker reads it while control is away, and in the old format", async () => {
  const form = new FormData();
  const binding = { type: "secrets_store_secret", name: "KEY", store_id: storeId, secret_name: "COPY" };
  const metadata = { body_part: "script", compatibility_date: "2026-06-01", bindings: [binding] };
  form.set("metadata", JSON.stringify(metadata));
  const code = `addEventListener("fetch", (event) => event.respondWith(KEY.get().then((text) => new Response(text))))`;
  form.set("script", new Blob([code], { type: "application/javascript" }), "script");
  const { envelope } = await platform().api.call("PUT", "/workers/scripts/old", { form });
  expect(envelope).toMatchObject({ success: true });
  await platform().api.send("POST", "/workers/scripts/old/subdomain", { enabled: true });
  const url = await platform().url("old");
  const [control] = platform().role("control");
  if (!control) throw new Error("there is no control process");
  process.kill(control.pid, "SIGSTOP");
  try {
    expect((await platform().fetch(url)).body).toBe(changed);
    expect(await value()).toBe(clear);
  } finally {
    killProcess(control, "SIGCONT");
  }
});

test("no file of the data directory has a value in clear", () => {
  for (const value of [clear, changed]) expect(filesWith(value, platform().dataDir)).toEqual([]);
});
