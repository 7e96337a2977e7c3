/** `wrangler dev --remote`, and bindings of a local Worker that lead here. */
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { httpsPortMissing, spawnWithNames } from "./harness/names.ts";
import { type Platform, repository, startPlatform } from "./harness/platform.ts";
import type { Child } from "./harness/processes.ts";
import { Project } from "./harness/project.ts";

const missing = await httpsPortMissing();
if (missing) console.warn(`remote development is not tested: ${missing}`);

const timeoutMs = 60_000;
const wrangler = join(repository, "node_modules/wrangler/bin/wrangler.js");

describe.skipIf(missing)("remote development", () => {
  let platform: Platform;
  let app: Project;
  let namespace: string;
  const running: Child[] = [];

  beforeAll(async () => {
    platform = await startPlatform({ env: { FREEHOLD_HTTPS_PORT: "443" } });
    app = new Project("remote-app");
    const kv = (await platform.api.send("POST", "/storage/kv/namespaces", { title: "remote" })) as { id: string };
    namespace = kv.id;
    const greeting = ["kv", "key", "put", "greeting", "from the platform", "--namespace-id", namespace, "--remote"];
    await platform.wranglerOk(app.directory, greeting);
  });
  afterAll(async () => {
    for (const child of running) {
      child.process.kill("SIGTERM");
      await child.end(10_000);
    }
    app?.[Symbol.dispose]();
    await platform?.[Symbol.asyncDispose]();
  });

  const names = ["remote-app", "remote-pages", "pages-worker--remote-pages"].map((name) => `${name}.dev.localhost`);

  function run(command: [string, ...string[]], directory = app.directory): Child {
    const child = spawnWithNames(directory, names, command, {
      PATH: `${dirname(process.execPath)}:${process.env.PATH ?? ""}`,
      HOME: directory,
      WRANGLER_SEND_METRICS: "false",
      NO_COLOR: "1",
      CI: "1",
      NODE_EXTRA_CA_CERTS: join(platform.dataDir, "tls", "ca.pem"),
      ...platform.clientEnv,
    });
    running.push(child);
    return child;
  }

  async function develop(...args: string[]): Promise<{ child: Child; address: string }> {
    return ready(run([process.execPath, wrangler, "dev", "--port", "0", "--inspector-port", "0", ...args]));
  }

  async function ready(child: Child): Promise<{ child: Child; address: string }> {
    const [, address = ""] = await child.outputMatching(/Ready on (http:\/\/localhost:\d+)/, timeoutMs);
    return { child, address };
  }

  const ask = async (address: string, path: string) => (await platform.fetch(`${address}${path}`)).json();

  async function stop(child: Child): Promise<void> {
    child.process.kill("SIGTERM");
    await child.end(10_000);
  }

  test("the edited Worker runs on the platform, with the deployed one's secrets", async () => {
    app.configure({
      kv_namespaces: [{ binding: "KV", id: namespace }],
      durable_objects: { bindings: [{ name: "VISITS", class_name: "Visits" }] },
      migrations: [{ tag: "v1", new_sqlite_classes: ["Visits"] }],
    });
    await platform.wranglerOk(app.directory, ["deploy"]);
    await platform.wranglerOk(app.directory, ["secret", "put", "SECRET"], { input: "s3cret" });
    const deployed = await platform.url("remote-app", "/greeting");
    expect(await platform.fetch(deployed).then((reply) => reply.json())).toMatchObject({ visits: 1 });

    const { child, address } = await develop("--remote");
    const seen = { edition: "first", who: "edited", secret: "s3cret", value: "from the platform", visits: 1 };
    expect(await ask(address, "/greeting")).toEqual(seen);
    await child.outputMatching(/asked for \{ key: 'greeting' \}/, timeoutMs);
    app.replace("src/index.js", '"first"', '"second"');
    await child.outputMatching(/Detected changes, restarted server/, timeoutMs);
    await expect.poll(() => ask(address, "/greeting"), { timeout: timeoutMs }).toMatchObject({ edition: "second" });
    await ask(address, "/other");
    await child.outputMatching(/asked for \{ key: 'other' \}/, timeoutMs);
    await stop(child);
    // What is deployed has not changed, and its objects have seen nothing of it.
    const reply = await platform.fetch(deployed);
    expect(reply.json()).toMatchObject({ edition: "first", visits: 2 });
    // The session's token is the only way to it.
    const foreign = await platform.fetch(deployed, { headers: { "cf-workers-preview-token": "guess" } });
    expect([foreign.status, foreign.body]).toEqual([
      400,
      expect.stringContaining("Invalid Workers Preview configuration"),
    ]);
  });

  test("a local Worker reads and writes the platform's KV, D1 and R2", async () => {
    const { uuid } = (await platform.api.send("POST", "/d1/database", { name: "remote" })) as { uuid: string };
    await platform.api.send("POST", "/r2/buckets", { name: "remote" });
    app.configure({
      kv_namespaces: [{ binding: "KV", id: namespace, remote: true }],
      d1_databases: [{ binding: "DB", database_id: uuid, database_name: "remote", remote: true }],
      r2_buckets: [{ binding: "BUCKET", bucket_name: "remote", remote: true }],
      durable_objects: undefined,
      migrations: undefined,
    });
    const { child, address } = await develop();
    const seen = { value: "from the platform", row: { answer: 42 }, object: { by: "local" } };
    expect(await ask(address, "/greeting")).toMatchObject(seen);
    await platform.fetch(`${address}/written`, { method: "PUT", body: "locally" });
    await stop(child);
    const stored = await platform.api.call("GET", `/storage/kv/namespaces/${namespace}/values/written`);
    expect(stored.body).toBe("locally");
    const bytes = await platform.api.call("GET", "/r2/buckets/remote/objects/from-local");
    expect(bytes.body).toBe("bytes");
  });

  test("so does Node through getPlatformProxy", async () => {
    const child = run([process.execPath, "proxy.mjs"]);
    await child.outputMatching(/value: hello/, timeoutMs);
    expect((await child.end(timeoutMs)).code).toBe(0);
    const stored = await platform.api.call("GET", `/storage/kv/namespaces/${namespace}/values/from-node`);
    expect(stored.body).toBe("hello");
  });

  describe("of a Pages project", () => {
    let site: Project;

    beforeAll(async () => {
      site = new Project("remote-pages");
      site.configure({ kv_namespaces: [{ binding: "KV", id: namespace, remote: true }] });
      const production = { env_vars: { SECRET: { type: "secret_text", value: "s3cret" } } };
      const project = { name: "remote-pages", production_branch: "main", deployment_configs: { production } };
      await platform.api.send("POST", "/pages/projects", project);
      await platform.wranglerOk(site.directory, ["pages", "deploy", "--branch", "main"]);
    });
    afterAll(() => site?.[Symbol.dispose]());

    const develop = (...args: string[]) =>
      ready(run([process.execPath, wrangler, ...args, "--port", "0", "--inspector-port", "0"], site.directory));

    test("local Functions read the platform's KV, and so does Node", async () => {
      const { child, address } = await develop("pages", "dev");
      expect(await ask(address, "/greeting")).toEqual({ edition: "first", value: "from the platform" });
      expect((await platform.fetch(`${address}/`)).body).toBe("<h1>Remote pages</h1>\n");
      await stop(child);
      const node = run([process.execPath, "proxy.mjs"], site.directory);
      await node.outputMatching(/value: from the platform/, timeoutMs);
      expect((await node.end(timeoutMs)).code).toBe(0);
    });

    test("the edited Functions run on the platform, with the deployed project's secrets and the files", async () => {
      const file = JSON.parse(site.read("wrangler.remote.json"));
      site.write(
        "wrangler.remote.json",
        JSON.stringify({ ...file, kv_namespaces: [{ binding: "KV", id: namespace }] }),
      );
      const { child, address } = await develop("dev", "--remote", "--config", "wrangler.remote.json");
      const seen = { edition: "first", value: "from the platform", secret: "s3cret" };
      expect(await ask(address, "/greeting")).toEqual(seen);
      expect((await platform.fetch(`${address}/`)).body).toBe("<h1>Remote pages</h1>\n");
      site.replace("functions/greeting.ts", '"first"', '"second"');
      await expect.poll(() => ask(address, "/greeting"), { timeout: timeoutMs }).toMatchObject({ edition: "second" });
      await stop(child);
    });
  });
});
