/** The tools for developing locally need nothing of the platform, and what they build deploys to it. */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { machineEnv, run } from "./harness/npm.ts";
import { Child } from "./harness/processes.ts";
import { copyOfFixture } from "./harness/site.ts";
import { usePlatform } from "./harness/suite.ts";

// Their packages bring two more runtimes: 700 MB, and a minute to install.
const isAskedFor = process.env.FREEHOLD_TEST_LOCAL_TOOLS === "1";
if (!isAskedFor) console.warn("the Vite plugin and the Vitest pool: skipped, FREEHOLD_TEST_LOCAL_TOOLS=1 runs them");

const timeoutMs = 120_000;

describe.skipIf(!isAskedFor)("local tools", () => {
  const platform = usePlatform();
  let root = "";
  const env = {
    PATH: `${dirname(process.execPath)}:${process.env.PATH ?? ""}`,
    WRANGLER_SEND_METRICS: "false",
    CI: "1",
  };
  const tool = (name: string) => join(root, "node_modules/.bin", name);

  beforeAll(async () => {
    root = copyOfFixture("local-tools");
    await run("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund"], root, {}, 300_000);
  }, 310_000);
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  test("Vitest runs tests in the runtime", async () => {
    await run(tool("vitest"), ["run"], root, env, timeoutMs);
  });

  test("wrangler dev and the Vite plugin serve the Worker with local data", async () => {
    const servers = [
      { name: "wrangler", args: ["dev", "--port", "0", "--inspector-port", "0"] },
      { name: "vite", args: ["dev", "--port", "0"] },
    ];
    for (const { name, args } of servers) {
      const child = new Child(tool(name), args, { cwd: root, env: { ...machineEnv, ...env, NO_COLOR: "1" } });
      try {
        const [, address = ""] = await child.outputMatching(/(http:\/\/localhost:\d+)/, timeoutMs);
        expect((await platform().fetch(address)).body, name).toMatch(/^visit \d+$/);
      } finally {
        child.process.kill("SIGTERM");
        await child.end(10_000);
      }
    }
  });

  test("what the Vite plugin builds deploys here", async () => {
    await run(tool("vite"), ["build"], root, env, timeoutMs);
    const namespace = (await platform().api.send("POST", "/storage/kv/namespaces", { title: "visits" })) as {
      id: string;
    };
    const built = join(root, "dist/local_tools/wrangler.json");
    const config = JSON.parse(readFileSync(built, "utf8")) as { kv_namespaces: object[] };
    config.kv_namespaces = [{ binding: "VISITS", id: namespace.id }];
    writeFileSync(built, JSON.stringify(config));
    await platform().wranglerOk(root, ["deploy"]);
    expect((await platform().fetch(await platform().url("local-tools"))).body).toBe("visit 1");

    // The same as a Pages project, after one copy.
    const production = { kv_namespaces: { VISITS: { namespace_id: namespace.id } } };
    const project = { name: "local-tools", production_branch: "main", deployment_configs: { production } };
    await platform().api.send("POST", "/pages/projects", project);
    mkdirSync(join(root, "dist/client"), { recursive: true });
    cpSync(join(root, "dist/local_tools"), join(root, "dist/client/_worker.js"), { recursive: true });
    const target = ["--project-name=local-tools", "--branch=main"];
    await platform().wranglerOk(root, ["pages", "deploy", "dist/client", ...target]);
    const address = `http://local-tools.pages.localhost:${platform().port}/`;
    expect((await platform().fetch(address)).body).toMatch(/^visit [12]$/);
  });
});
