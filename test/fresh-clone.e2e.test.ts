import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ApiClient } from "./harness/api.ts";
import { LocalClient } from "./harness/http.ts";
import { repository } from "./harness/platform.ts";
import { Child, descendants, isAlive } from "./harness/processes.ts";

const directory = mkdtempSync(join(tmpdir(), "fh-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** PATH as a newcomer has it: without this repository's own tools and its pinned Node. */
const machinePath = (process.env.PATH ?? "")
  .split(delimiter)
  .filter((entry) => !entry.includes("node_modules"))
  .join(delimiter);
const machineEnv = { PATH: machinePath, HOME: homedir(), ...npmSettings() };

const reason = obstacle();
if (reason) console.warn(`fresh clone: skipped, ${reason}`);

test.skipIf(reason)(
  "npm start in a fresh clone installs, serves, takes a deploy and stops",
  { timeout: 300_000 },
  async () => {
    const clone = join(directory, "freehold");
    copyTree(clone);
    const npm = new Child("npm", ["start"], { cwd: clone, env: { ...machineEnv, FREEHOLD_PORT: "0" } });
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
      npm.process.kill("SIGINT");
      await npm.end(30_000);
      const left = family.filter(isAlive);
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

/** How npm reaches its registry on this machine (proxy, authority, mirror). */
function npmSettings(): Record<string, string> {
  const wanted =
    /^(https?_proxy|no_proxy|node_extra_ca_certs|ssl_cert_(file|dir)|npm_config_(registry|cafile|userconfig))$/i;
  return Object.fromEntries(
    Object.entries(process.env).filter(
      (entry): entry is [string, string] => wanted.test(entry[0]) && entry[1] !== undefined,
    ),
  );
}

function obstacle(): string | undefined {
  try {
    execFileSync("npm", ["--version"], { env: machineEnv, stdio: "pipe", timeout: 20_000 });
  } catch {
    return "there is no npm outside this repository";
  }
  try {
    execFileSync("npm", ["view", "workerd", "version", "--fetch-retries=0", "--fetch-timeout=8000"], {
      env: machineEnv,
      stdio: "pipe",
      timeout: 20_000,
      cwd: directory,
    });
  } catch {
    return "npm does not reach its registry";
  }
  return undefined;
}
