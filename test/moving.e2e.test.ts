/** Code edited where it is deployed, and projects that move: to a Worker, and from another platform. */
import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import Cloudflare from "cloudflare";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCommand } from "../src/cli/main.ts";
import { type Platform, repository, startPlatform } from "./harness/platform.ts";
import { Project } from "./harness/project.ts";
import { usePlatform } from "./harness/suite.ts";

const platform = usePlatform();
const app = new Project("moving-app");
// As npm installs it, for the build command that the file has once the project is a Worker.
mkdirSync(join(app.directory, "node_modules/.bin"));
symlinkSync(
  join(repository, "node_modules/wrangler/bin/wrangler.js"),
  join(app.directory, "node_modules/.bin/wrangler"),
);
afterAll(() => app[Symbol.dispose]());

const at = (host: string, path: string) => platform().fetch(`http://${host}.localhost:${platform().port}${path}`);

/** `freehold …` as in a terminal, on this platform. */
async function freehold(args: string[], env: Record<string, string> = {}) {
  const lines: string[] = [];
  const io = {
    out: (line: string) => lines.push(line),
    err: (line: string) => lines.push(line),
    env: { PATH: process.env.PATH, FREEHOLD_DATA: platform().dataDir, ...env },
  };
  const [name = "", ...rest] = args;
  return { code: await runCommand(name, rest, io), printed: lines.join("\n") };
}

describe("a Pages project", () => {
  beforeAll(async () => {
    const { id } = (await platform().api.send("POST", "/storage/kv/namespaces", { title: "moving" })) as { id: string };
    const { uuid } = (await platform().api.send("POST", "/d1/database", { name: "moving" })) as { uuid: string };
    await platform().api.send("POST", "/r2/buckets", { name: "moving" });
    const stores = {
      kv_namespaces: [{ binding: "KV", id }],
      d1_databases: [{ binding: "DB", database_name: "moving", database_id: uuid }],
      r2_buckets: [{ binding: "FILES", bucket_name: "moving" }],
    };
    app.configure({
      ...stores,
      vars: { GREETING: "hello" },
      env: { preview: { vars: { GREETING: "hi" }, ...stores } },
    });
    const env_vars = { SECRET: { type: "secret_text", value: "hush" } };
    await platform().api.send("POST", "/pages/projects", {
      name: "moving",
      production_branch: "main",
      deployment_configs: { production: { env_vars } },
    });
    await platform().wranglerOk(app.directory, ["pages", "deploy", "--branch", "main"]);
  });

  test("quick editor", async () => {
    // First what the runtime refuses, then what it takes.
    app.write(
      "editor.mjs",
      `import { readFileSync, writeFileSync } from "node:fs";
      const [, , file] = process.argv;
      const text = readFileSync(file, "utf8");
      const explained = text.startsWith("// freehold: ");
      writeFileSync(file, explained ? text.replace("broken(\\n", "").replace("data.seen }", "'edited' }") : "broken(\\n" + text);`,
    );
    const edited = await freehold(["edit", "--pages", "moving", "--message", "a word mended"], {
      VISUAL: `${process.execPath} ${app.directory}/editor.mjs`,
    });
    expect(edited.printed).toMatch(/SyntaxError(.|\n)*Deployed pages-worker--moving/);
    expect(edited.code).toBe(0);
    expect((await at("moving.pages", "/api/variables")).json()).toEqual({
      greeting: "hello",
      secret: "hush",
      seen: "edited",
    });
    // Files, their rules and what starts no code are as before.
    expect((await at("moving.pages", "/api/manual")).headers["x-middleware"]).toBeUndefined();
    expect((await at("moving.pages", "/old")).headers.location).toBe("/about");
    const [newest, first] = (await platform().api.get("/pages/projects/moving/deployments")) as {
      environment: string;
      aliases: string[];
      deployment_trigger: { metadata: Record<string, unknown> };
    }[];
    expect(newest).toMatchObject({
      environment: "production",
      aliases: [expect.stringContaining("//main.moving.")],
      deployment_trigger: { metadata: { branch: "main", commit_message: "a word mended", commit_dirty: true } },
    });
    expect(first?.aliases).toBeNull();
  });

  /** What a project answers, and how the Worker that it becomes may differ. */
  const table: [method: string, path: string, differs?: Record<string, unknown>][] = [
    ["GET", "/"],
    ["GET", "/about"],
    ["GET", "/about.html", { status: 307 }],
    ["GET", "/docs", { status: 307 }],
    ["GET", "/docs/"],
    ["GET", "/docs/missing", { "cache-control": "public, max-age=0, must-revalidate" }],
    ["GET", "/missing", { "cache-control": "public, max-age=0, must-revalidate" }],
    ["GET", "/style.css"],
    ["POST", "/style.css"],
    ["GET", "/old"],
    ["GET", "/was/x"],
    ["GET", "/same"],
    ["GET", "/api/variables"],
    ["GET", "/api/users/7"],
    ["POST", "/api/users/7"],
    ["GET", "/api/behind"],
    ["GET", "/api/manual"],
    ["GET", "/api/nothing", { "cache-control": "public, max-age=0, must-revalidate" }],
    ["GET", "/_routes.json", { "cache-control": "public, max-age=0, must-revalidate" }],
  ];
  const compared = [
    ...["location", "content-type", "cache-control", "access-control-allow-origin", "referrer-policy"],
    ...["x-content-type-options", "x-part", "x-middleware", "allow"],
  ];
  async function answer(host: string, [method, path]: (typeof table)[number]) {
    const url = `http://${host}.localhost:${platform().port}${path}`;
    const { status, body, headers } = await platform().fetch(url, {
      method,
      ...(method === "POST" && { body: "text" }),
    });
    return { status, body, ...Object.fromEntries(compared.map((name) => [name, headers[name]])) };
  }

  test("becomes a Worker that answers the same, file-based routing in a Worker project", async () => {
    const before = await Promise.all(table.map((row) => answer("moving.pages", row)));
    expect((await at("moving.pages", "/api/stores")).json()).toMatchObject({ kv: 1, d1: 1 });
    const move = ["migrate", "pages-to-workers", "moving", "--directory", app.directory];
    const shown = await freehold(move);
    expect(shown.printed).toContain("wrangler secret put SECRET");
    expect(app.read("wrangler.json")).toContain("pages_build_output_dir");
    expect(await freehold([...move, "--write"])).toMatchObject({ code: 0 });
    // The secret, which the file cannot have, and the code of the sources.
    app.write("secrets.json", JSON.stringify({ SECRET: "hush" }));
    await platform().wranglerOk(app.directory, ["deploy", "--env=", "--secrets-file", "secrets.json"]);
    const after = await Promise.all(table.map((row) => answer("moving.dev", row)));
    const expected = table.map(([, path, differs], index) => ({
      ...before[index],
      // Production still has the edit of the test before.
      ...(path === "/api/variables" && { body: before[index]?.body.replace("edited", "/api") }),
      // Pages leaves it off where there is no content.
      ...(before[index]?.body === "" && { "x-content-type-options": "nosniff" }),
      ...differs,
    }));
    expect(after).toEqual(expected);
    expect((await at("moving.dev", "/api/stores")).json()).toMatchObject({ kv: 2, d1: 2 });
    // Written once, there is nothing more to write.
    expect((await freehold(move)).printed).not.toMatch(/^[+-] /m);
  });
});

test("a Worker is edited where it is deployed: in an editor, and by the original's SDK", async () => {
  await platform().api.deploy("quick", "export default { fetch: (_, env) => new Response('one ' + env.A) }", {
    bindings: [{ type: "plain_text", name: "A", text: "kept" }],
  });
  const body = async () => (await at("quick.dev", "/")).body;
  expect((await freehold(["edit", "quick"], { EDITOR: "sed -i s/one/two/" })).code).toBe(0);
  expect(await body()).toBe("two kept");

  const { base, token, account } = platform().api;
  const client = new Cloudflare({ apiToken: token, baseURL: base, maxRetries: 0 });
  const content = await client.workers.scripts.content.get("quick", { account_id: account });
  const form = await content.formData();
  const [file] = [...form.values()] as [File];
  const edited = new File([(await file.text()).replace("two", "three")], file.name, { type: file.type });
  const metadata = { main_module: file.name };
  await client.workers.scripts.content.update("quick", { account_id: account, metadata, files: [edited] });
  expect(await body()).toBe("three kept");

  // Somebody deploys while the editor is open.
  using meanwhile = new Project("moving-app");
  meanwhile.write(
    "editor.mjs",
    `import { appendFileSync } from "node:fs";
      const form = new FormData();
      form.set("index.js", new File(["export default { fetch: () => new Response('theirs') }"], "index.js", { type: "application/javascript+module" }));
      const headers = { authorization: "Bearer ${token}", "cf-worker-main-module-part": "index.js" };
      await fetch("${base}/accounts/${account}/workers/scripts/quick/content", { method: "PUT", headers, body: form });
      appendFileSync(process.argv[2], "// ours");`,
  );
  const late = await freehold(["edit", "quick"], { EDITOR: `${process.execPath} ${meanwhile.directory}/editor.mjs` });
  expect(late).toMatchObject({ code: 1, printed: expect.stringContaining("Somebody deployed other code") });
  expect(await body()).toBe("theirs");
  rmSync(/Your edit is in (.*)/.exec(late.printed)?.[1] ?? "", { recursive: true });
});

describe("projects of another platform", () => {
  let other: Platform;
  beforeAll(async () => {
    other = await startPlatform();
  });
  afterAll(() => other[Symbol.asyncDispose]());

  test("are imported by its API, once and again", async () => {
    await other.api.send("POST", "//zones", { name: "example.org" });
    await platform().api.send("POST", "/pages/projects/moving/domains", { name: "www.example.org" });
    // This platform is the hosted one now; the other brings a project from it.
    const from = ["--from-account", platform().api.account, "--from-url", platform().api.base];
    const env = { FREEHOLD_DATA: other.dataDir, FREEHOLD_IMPORT_TOKEN: platform().api.token };
    expect((await freehold(["import", "pages", ...from], env)).printed).toContain("moving");

    const shown = await freehold(["import", "pages", "moving", ...from], env);
    for (const line of [
      '+ KV namespace "moving"',
      '+ D1 database "moving"',
      '+ R2 bucket "moving"',
      "secret put SECRET",
    ])
      expect(shown.printed).toContain(line);
    expect((await other.api.call("GET", "/pages/projects/moving")).status).toBe(404);

    expect(await freehold(["import", "pages", "moving", ...from, "--write"], env)).toMatchObject({ code: 0 });
    const [kv] = (await other.api.get("/storage/kv/namespaces")) as { id: string }[];
    expect(await other.api.get("/pages/projects/moving")).toMatchObject({
      production_branch: "main",
      domains: [expect.any(String), "www.example.org"],
      build_config: { destination_dir: "public" },
      deployment_configs: {
        production: {
          compatibility_flags: ["nodejs_compat"],
          env_vars: { GREETING: { type: "plain_text", value: "hello" } },
          kv_namespaces: { KV: { namespace_id: kv?.id } },
          r2_buckets: { FILES: { name: "moving" } },
        },
      },
    });
    const again = await freehold(["import", "pages", "moving", ...from, "--write"], env);
    expect(again.printed).toContain("Nothing changes.");
    expect(again.printed).not.toMatch(/^\+/m);

    // A secret that is set is not asked for again.
    const secret = { production: { env_vars: { SECRET: { type: "secret_text", value: "hush" } } } };
    await other.api.send("PATCH", "/pages/projects/moving", { deployment_configs: secret });
    expect((await freehold(["import", "pages", "moving", ...from], env)).printed).not.toContain("SECRET");
    const refused = await freehold(["import", "pages", "moving", ...from], { ...env, FREEHOLD_IMPORT_TOKEN: "wrong" });
    expect(refused).toMatchObject({ code: 1, printed: expect.stringContaining("FREEHOLD_IMPORT_TOKEN") });
    const missing = await freehold(["import", "pages", "nothing", ...from], env);
    expect(missing).toMatchObject({ code: 1, printed: expect.stringContaining('the Pages project "nothing"') });
  });
});

describe("a Pages project with Durable Objects of its own", () => {
  const counting = new Project("moving-objects");
  afterAll(() => counting[Symbol.dispose]());
  const count = async (host: string) => (await at(host, "/count")).json();

  test("becomes a Worker that has its objects, with their data", async () => {
    const production = {
      durable_object_namespaces: { COUNTER: { class_name: "Counter" } },
    };
    await platform().api.send("POST", "/pages/projects", {
      name: "counting",
      production_branch: "main",
      deployment_configs: { production },
    });
    const deploy = ["pages", "deploy", "site", "--project-name", "counting", "--branch", "main"];
    await platform().wranglerOk(counting.directory, deploy);
    await platform().api.send("PUT", "/workers/scripts/pages-worker--counting/schedules", [{ cron: "0 0 1 1 *" }]);
    await platform().api.send("POST", "//zones", { name: "example.com" });
    await platform().api.send("POST", "/pages/projects/counting/domains", { name: "count.example.com" });
    expect([await count("counting.pages"), await count("counting.pages")]).toEqual([1, 2]);

    const move = ["migrate", "pages-to-workers", "counting", "--directory", counting.directory, "--assets", "site"];
    expect(await freehold([...move, "--write"])).toMatchObject({ code: 0 });
    await platform().wranglerOk(counting.directory, ["deploy"]);
    expect([await count("counting.dev"), await count("counting.dev")]).toEqual([3, 4]);
    const host = `http://count.example.com:${platform().port}`;
    expect((await platform().fetch(`${host}/count`)).json()).toBe(5);
    expect((await platform().fetch(`${host}/_worker.js/index.js`)).body).not.toContain("import");
    const { schedules } = (await platform().api.get("/workers/scripts/counting/schedules")) as { schedules: unknown[] };
    expect(schedules).toMatchObject([{ cron: "0 0 1 1 *" }]);

    // The project goes on with them where they are now, and its end does not touch them.
    expect(await count("counting.pages")).toBe(6);
    await platform().api.send("DELETE", "/pages/projects/counting");
    expect(await count("counting.dev")).toBe(7);
  });
});
