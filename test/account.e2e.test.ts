import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { uploadForm } from "./harness/api.ts";
import { Child } from "./harness/processes.ts";
import { Project } from "./harness/project.ts";
import { usePlatform } from "./harness/suite.ts";

const platform = usePlatform();
const esm = "application/javascript+module";

test("whoami names the account and the kind of token", async () => {
  using project = new Project("hello-ts");
  const output = await platform().wranglerOk(project.directory, ["whoami"]);
  expect(output).toContain(platform().api.account);
  expect(output).toMatch(/API Token/);
});

test("whoami without an account id finds the account", async () => {
  using project = new Project("hello-ts");
  const output = await platform().wranglerOk(project.directory, ["deploy"], { env: { CLOUDFLARE_ACCOUNT_ID: "" } });
  expect(output).toContain(".workers.dev");
});

test("delete removes the Worker; its host answers 404", async () => {
  using project = new Project("hello-ts");
  await platform().wranglerOk(project.directory, ["deploy"]);
  const address = await platform().url("hello");
  expect((await platform().fetch(address)).status).toBe(200);
  await platform().wranglerOk(project.directory, ["delete", "--force"]);
  const gone = await platform().fetch(address, { headers: { accept: "text/html" } });
  expect(gone.status).toBe(404);
  expect(gone.headers["content-type"]).toContain("text/html");
  const { envelope } = await platform().api.call("GET", "/workers/services/hello");
  expect([10007, 10090]).toContain(envelope.errors[0]?.code);
});

test("delete without --force makes its look-ups first", async () => {
  using project = new Project("hello-ts");
  await platform().wranglerOk(project.directory, ["deploy"]);
  const { output } = await platform().wrangler(project.directory, ["delete"]);
  expect(output).not.toMatch(/\[code: /);
});

test("a Worker can be made again under a deleted name, without the old secrets", async () => {
  using project = new Project("hello-ts");
  await platform().wranglerOk(project.directory, ["deploy"]);
  await platform().wranglerOk(project.directory, ["secret", "put", "SECRET"], { input: "old" });
  await platform().wranglerOk(project.directory, ["delete", "--force"]);
  await platform().wranglerOk(project.directory, ["deploy"]);
  expect((await platform().fetch(await platform().url("hello", "/env"))).json()).toEqual({ GREETING: "Hello" });
});

test("init --from-dash writes the project of a live Worker", async () => {
  using project = new Project("modules");
  await platform().wranglerOk(project.directory, ["deploy"]);
  // Without this variable wrangler hands over to create-cloudflare, which it would fetch from the registry.
  const output = await platform().wranglerOk(project.directory, [
    "init",
    "copy",
    "--from-dash",
    "modules",
    "--no-delegate-c3",
    "-y",
  ]);
  const directory = [join(project.directory, "copy"), join(project.directory, "modules")].find(existsSync) ?? "";
  expect(existsSync(directory), output).toBe(true);
  expect(existsSync(join(directory, "wrangler.jsonc")) || existsSync(join(directory, "wrangler.toml"))).toBe(true);
});

test("what init --from-dash reads is there", async () => {
  const base = "/workers/services/modules/environments/production";
  const bindings = (await platform().api.get(`${base}/bindings`)) as { name: string; type: string }[];
  expect(bindings.map((binding) => `${binding.name}:${binding.type}`).sort()).toEqual([
    "IMAGES:images",
    "LOADER:worker_loader",
    "OBJECT:json",
    "PLAIN:plain_text",
    "VERSION:version_metadata",
  ]);
  expect(await platform().api.get(`${base}/routes?show_zonename=true`)).toEqual([]);
  expect(await platform().api.get(`${base}/subdomain`)).toMatchObject({ enabled: true });
  expect(await platform().api.get(base)).toMatchObject({ script: { compatibility_date: "2026-06-01" } });
  expect(await platform().api.get("/workers/scripts/modules/schedules")).toEqual({ schedules: [] });
  expect(
    await platform().api.get("/workers/domains/records?page=0&per_page=5&service=modules&environment=production"),
  ).toEqual([]);
  const content = await platform().api.call("GET", `${base}/content/v2`);
  expect(content.headers["content-type"]).toMatch(/^multipart\/form-data/);
  expect(content.headers["cf-entrypoint"]).toMatch(/\.js$/);
});

test("calls of older clients: secret bulk through settings, versions secret through a version of inherits", async () => {
  await platform().api.deploy("old", "export default { fetch(_, env) { return Response.json(env) } }", {
    bindings: [{ type: "plain_text", name: "PLAIN", text: "kept" }],
  });
  const environment = async () => (await platform().fetch(await platform().url("old"))).json();

  const settings = new FormData();
  settings.set(
    "settings",
    JSON.stringify({
      bindings: [
        { name: "PLAIN", type: "inherit" },
        { name: "BULK", type: "secret_text", text: "bulk" },
      ],
    }),
  );
  const patched = await platform().api.call("PATCH", "/workers/scripts/old/settings", { form: settings });
  expect(patched.envelope.errors).toEqual([]);
  expect(await environment()).toEqual({ PLAIN: "kept", BULK: "bulk" });

  const list = (await platform().api.get("/workers/scripts/old/versions")) as { items: { id: string }[] };
  const latest = list.items[0]?.id ?? "";
  const content = await platform().api.call("GET", `/workers/scripts/old/content/v2?version=${latest}`);
  expect(content.headers["cf-entrypoint"]).toBe("index.js");
  const form = uploadForm(
    {
      bindings: [
        { name: "PLAIN", type: "inherit" },
        { name: "NEW", type: "secret_text", text: "new" },
      ],
      keep_bindings: ["secret_key", "secret_text"],
      keep_assets: true,
    },
    [{ name: "index.js", type: esm, content: "export default { fetch(_, env) { return Response.json(env) } }" }],
  );
  const version = await platform().api.call(
    "POST",
    "/workers/scripts/old/versions?include_subdomain_availability=true&excludeScript=true",
    { form },
  );
  expect(version.envelope.errors).toEqual([]);
  const { id } = version.envelope.result as { id: string };
  await platform().api.send("POST", "/workers/scripts/old/deployments", {
    strategy: "percentage",
    versions: [{ version_id: id, percentage: 100 }],
  });
  expect(await environment()).toEqual({ PLAIN: "kept", BULK: "bulk", NEW: "new" });
});

test("bodies are read as JSON whatever the content type says", async () => {
  const reply = await platform().api.call("PUT", "/workers/scripts/old/secrets", {
    body: { name: "PLAIN_TYPE", text: "x", type: "secret_text" },
    headers: { "content-type": "text/plain;charset=UTF-8" },
  });
  expect(reply.envelope.errors).toEqual([]);
});

test("a token may be read-only", async () => {
  const child = new Child(process.execPath, ["src/main.ts", "token", "create", "--name", "reader", "--scope", "read"], {
    env: {
      PATH: process.env.PATH ?? "",
      HOME: "/nonexistent",
      FREEHOLD_DATA: platform().dataDir,
      FREEHOLD_PORT: String(platform().port),
    },
  });
  const { code, stdout, output } = await child.end(20_000);
  expect(code, output).toBe(0);
  const token = stdout.match(/[A-Za-z0-9_-]{30,}/)?.[0] ?? "";
  expect((await platform().api.call("GET", "/workers/services/old", { token })).envelope.success).toBe(true);
  expect((await platform().api.call("DELETE", "/workers/services/old", { token })).status).toBe(403);
});
