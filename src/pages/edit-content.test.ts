import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Answer, Modules } from "../workers/testing.ts";
import { type PagesApi, pagesApi } from "./testing.ts";

let pages: PagesApi;
beforeAll(async () => {
  pages = await pagesApi();
  await pages.create("shop");
});
afterAll(() => pages.api.end());

const ESM = "application/javascript+module";
const code = (text: string): Modules => ({ "index.js": [text, ESM] });

function form(modules: Modules, metadata: Record<string, unknown> = { main_module: "index.js" }): FormData {
  const made = new FormData();
  made.set("metadata", JSON.stringify(metadata));
  for (const [name, [content, type]] of Object.entries(modules)) made.append(name, new File([content], name, { type }));
  return made;
}
const put = (script: string, body: FormData, headers: Record<string, string> = {}): Promise<Answer> =>
  pages.api.call("PUT", `/scripts/${script}/content`, body, headers);
async function shown(script: string) {
  const { response } = await pages.api.call("GET", `/scripts/${script}/content/v2`);
  return { etag: response?.headers.get("etag") ?? "", text: (await response?.text()) ?? "" };
}
const record = (id: string) => pages.api.platform.runtime.records.get(id);

describe("a Worker", () => {
  const bindings = [
    { name: "A", type: "plain_text", text: "1" },
    { name: "S", type: "secret_text", text: "hush" },
  ];

  test("gets new code; bindings and settings stay, and the version is deployed", async () => {
    await pages.api.deploy("hello", {
      bindings,
      compatibility_date: "2026-02-03",
      compatibility_flags: ["nodejs_compat"],
    });
    const answer = await put("hello", form(code("export default { a: 1 }")));
    expect(answer.result).toMatchObject({
      id: "hello",
      compatibility_date: "2026-02-03",
      deployment_id: expect.any(String),
    });
    const id: string = answer.result.deployment_id;
    expect(record(id)?.bindings.map(({ name }) => name)).toEqual(["A", "S"]);
    expect(record(id)?.compatibilityFlags).toEqual(["nodejs_compat"]);
    expect((await shown("hello")).text).toContain("{ a: 1 }");
    const { deployments } = (await pages.api.call("GET", "/scripts/hello/deployments")).result;
    expect(deployments[0].versions).toEqual([{ version_id: id, percentage: 100 }]);
  });

  test("says its entry in a header, or as the original's SDK does", async () => {
    const byHeader = form(code("export default { b: 1 }"));
    byHeader.delete("metadata");
    expect((await put("hello", byHeader, { "cf-worker-main-module-part": "index.js" })).status).toBe(200);
    const bySdk = new FormData();
    bySdk.set("metadata[main_module]", "a.js");
    for (const name of ["a.js", "b.js"]) bySdk.append("files[]", new File([`// ${name}`], name, { type: ESM }));
    const { result } = await put("hello", bySdk);
    expect(record(result.deployment_id)?.modules.map(({ name }) => name)).toEqual(["a.js", "b.js"]);
  });

  test("is not edited by one who began with other code", async () => {
    const { etag } = await shown("hello");
    expect((await put("hello", form(code("export default { c: 1 }")), { "if-match": etag })).status).toBe(200);
    const late = await put("hello", form(code("export default { d: 1 }")), { "if-match": etag });
    expect([late.status, late.code]).toEqual([412, 100151]);
    expect((await shown("hello")).text).toContain("{ c: 1 }");
  });

  test("is not edited when it is not clear what would be deployed", async () => {
    await pages.api.upload("hello");
    expect((await put("hello", form(code("x")))).code).toBe(10214);
  });

  test.each([
    ["nothing", 10007, form(code("x"))],
    ["hello", 10021, form(code("x"), { main_module: "index.js", bindings: [] })],
    ["hello", 10021, form(code("x"), { main_module: "other.js" })],
    ["hello", 10021, form({}, {})],
  ])("refuses: %s %i", async (script, status, body) => {
    expect((await put(script, body)).code).toBe(status);
  });
});

describe("a Pages project", () => {
  const script = "pages-worker--shop";

  test("gets a production deployment of the same files, routes and bindings", async () => {
    await pages.call("PATCH", "/shop", { deployment_configs: { production: { env_vars: { A: { value: "1" } } } } });
    const options = {
      files: { "/index.html": "<h1>Kept</h1>" },
      modules: code("export default { old: 1 }"),
      parts: { "_routes.json": '{"version":1,"include":["/api/*"],"exclude":[]}', _headers: "/*\n  X-A: b" },
    };
    const before = (await pages.deploy("shop", options)).result;
    // The code shown and changed is production's, whatever came later.
    await pages.deploy("shop", { ...options, branch: "dev", modules: code("export default { preview: 1 }") });
    const { etag, text } = await shown(script);
    expect(text).toContain("{ old: 1 }");

    const edited = form(code("export default { edited: 1 }"), {
      main_module: "index.js",
      annotations: { "workers/message": "a mistake mended" },
    });
    const id: string = (await put(script, edited, { "if-match": etag })).result.deployment_id;
    const { canonical_deployment: live } = (await pages.call("GET", "/shop")).result;
    expect(live).toMatchObject({
      id,
      environment: "production",
      uses_functions: true,
      deployment_trigger: {
        type: "ad_hoc",
        metadata: { branch: "main", commit_dirty: true, commit_message: "a mistake mended" },
      },
    });
    const [old, made] = [record(before.id), record(id)];
    expect(made?.bindings.find(({ name }) => name === "A")).toMatchObject({ text: "1" });
    const site = async (key = "") =>
      JSON.parse(Buffer.from((await pages.api.platform.blobs.get(key)) ?? []).toString());
    expect(await site(made?.assets?.site)).toEqual(await site(old?.assets?.site));
    expect(made?.modules.map(({ blob }) => blob)).not.toEqual(old?.modules.map(({ blob }) => blob));
    expect((await pages.call("GET", "/shop/deployments")).resultInfo?.total_count).toBe(3);
  });

  test("keeps what it was deployed with, whatever the project has meanwhile; its address is its own", async () => {
    const live = (await pages.call("GET", "/shop")).result.canonical_deployment;
    const now = { env_vars: { A: { value: "2" }, B: { value: "new" } }, compatibility_date: "2026-09-09" };
    await pages.call("PATCH", "/shop", { deployment_configs: { production: now } });
    const { deployment_id: id } = (await put(script, form(code("export default { kept: 1 }")))).result;
    const [before, made] = [record(live.id), record(id)];
    const texts = (one: typeof made) =>
      one?.bindings.flatMap((binding) => (binding.type === "plain_text" ? [[binding.name, binding.text]] : []));
    expect(texts(made)).toEqual(
      texts(before)?.map(([name, text]) =>
        name === "CF_PAGES_URL" ? [name, `https://${id.slice(0, 8)}.shop.pages.localhost:8787`] : [name, text],
      ),
    );
    expect(made?.compatibilityDate).toBe(before?.compatibilityDate);
    const shownNow = (await pages.call("GET", `/shop/deployments/${id}`)).result;
    expect(shownNow.env_vars).toEqual(live.env_vars);
    // What is deployed from outside, or again, has what the project has.
    const again = (await pages.call("POST", `/shop/deployments/${id}/retry`)).result.id;
    expect(record(again)?.compatibilityDate).toBe("2026-09-09");
    expect(record(again)?.bindings.find(({ name }) => name === "B")).toMatchObject({ text: "new" });
    await pages.call("DELETE", `/shop/deployments/${id}`);
    await put(script, form(code("export default { edited: 1 }")));
  });

  test("is not edited with code that does not start, and that is no deployment either", async () => {
    const count = async () => (await pages.call("GET", "/shop/deployments")).resultInfo?.total_count;
    const before = await count();
    const { runtime } = pages.api.platform;
    const { validation } = runtime;
    runtime.validation = { ok: false, code: 10021, message: "Uncaught SyntaxError" };
    const answer = await put(script, form(code("broken")));
    runtime.validation = validation;
    expect([answer.status, answer.code]).toEqual([400, 10021]);
    expect(await count()).toBe(before);
  });

  test("is not edited by one who began with other code, nor when it has none", async () => {
    expect((await put(script, form(code("x")), { "if-match": '"other"' })).code).toBe(100151);
    await pages.create("files");
    expect((await put("pages-worker--files", form(code("x")))).code).toBe(8000120);
    await pages.deploy("files");
    expect((await put("pages-worker--files", form(code("x")))).code).toBe(10021);
  });
});
