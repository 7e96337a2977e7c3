import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ApiClient } from "./harness/api.ts";
import { LocalClient } from "./harness/http.ts";
import { machineEnv, registryObstacle } from "./harness/npm.ts";
import { repository } from "./harness/platform.ts";
import { Child, descendants, survivors } from "./harness/processes.ts";

const directory = mkdtempSync(join(tmpdir(), "fh-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const reason = registryObstacle(directory);
if (reason) console.warn(`fresh clone: skipped, ${reason}`);

test.skipIf(reason)(
  "npm start in a fresh clone installs, serves, takes a deploy and stops",
  { timeout: 300_000 },
  async () => {
    const clone = join(directory, "freehold");
    copyTree(clone);
    const npm = new Child("npm", ["start"], {
      cwd: clone,
      env: { ...machineEnv, FREEHOLD_PORT: "0" },
      // A process group of its own, as in a terminal.
      detached: true,
    });
    try {
      const [, port] = await npm.outputMatching(/https?:\/\/localhost:(\d+)/, 240_000);
      const client = new LocalClient(join(clone, ".freehold/tls/ca.pem"));
      expect((await client.fetch(`http://localhost:${port}/ready`)).status).toBe(200);
      expect(existsSync(join(clone, "node_modules/workerd"))).toBe(true);
      expect(existsSync(join(clone, "node_modules/vitest")), "development tools are not needed to run").toBe(false);

      const settings = readFileSync(join(clone, ".freehold/wrangler.env"), "utf8").trim().split("\n");
      const api = new ApiClient(
        client,
        Object.fromEntries(
          settings.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
        ),
      );
      await api.deploy("hello", "export default { fetch() { return new Response('from a fresh clone'); } }");
      const { subdomain } = (await api.get("/workers/subdomain")) as { subdomain: string };
      const host = new URL(`http://hello.${subdomain}.workers.dev`).hostname;
      expect((await client.fetch(`http://${host}:${port}/`)).body).toBe("from a fresh clone");
    } finally {
      const family = descendants(npm.pid);
      // Ctrl-C reaches the whole group.
      process.kill(-npm.pid, "SIGINT");
      await npm.end(30_000);
      const left = await survivors(family);
      for (const one of left) process.kill(one.pid, "SIGKILL");
      expect(left.map((one) => one.command.join(" "))).toEqual([]);
    }
  },
);

/** What a clone would hold: tracked files, and new ones that are not ignored. */
function copyTree(target: string): void {
  const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "-z"], {
    cwd: repository,
    encoding: "utf8",
  });
  for (const file of new Set(files.split("\0").filter(Boolean))) {
    const source = join(repository, file);
    if (!existsSync(source)) continue;
    mkdirSync(dirname(join(target, file)), { recursive: true });
    cpSync(source, join(target, file));
  }
}
