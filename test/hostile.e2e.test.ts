import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasBubblewrap, repository, startPlatform, urlPrintedBy } from "./harness/platform.ts";
import { Project } from "./harness/project.ts";
import { usePlatform } from "./harness/suite.ts";

/** A Worker that tries to leave its process. Its answers say what it reached. */
const platform = usePlatform();

let origin = "";
let inside: Server;
let inside6: Server | undefined;
let reached = 0;

const ask = async (path: string, to = "") => {
  const reply = await platform().fetch(`${origin}${path}?to=${encodeURIComponent(to)}`);
  expect(reply.status, reply.body).toBe(200);
  return reply.json() as { value?: unknown; error?: string };
};

const listen = (address: string) =>
  new Promise<Server>((resolve, reject) => {
    const server = createServer((_request, answer) => {
      reached++;
      answer.end("host service reached");
    });
    server.once("error", reject);
    server.listen(0, address, () => resolve(server));
  });

beforeAll(async () => {
  using project = new Project("hostile");
  origin = new URL(urlPrintedBy(await platform().wranglerOk(project.directory, ["deploy"]))).origin;
  await platform().api.deploy("neighbour", "export default { fetch() { return new Response('neighbour'); } }");
  expect((await platform().fetch(await platform().url("neighbour"))).body).toBe("neighbour");
  inside = await listen("0.0.0.0");
  inside6 = await listen("::1").catch(() => undefined);
});

afterAll(() => {
  inside?.close();
  inside6?.close();
});

describe("files", () => {
  test.each([
    "/etc/passwd",
    "/etc/hostname",
    "/proc/self/environ",
    "/proc/1/cmdline",
    "/proc/self/maps",
    "../../../etc/passwd",
    "/root/.bashrc",
  ])("node:fs does not read the host's %s", async (path) => {
    const { value, error } = await ask("/read", path);
    expect(value).toBeUndefined();
    expect(error).toMatch(/ENOENT|not found|no such|not permitted|EPERM|EACCES/i);
  });

  test("node:fs lists a virtual file system only", async () => {
    const { value } = await ask("/list", "/");
    for (const name of ["etc", "proc", "root", "home", "usr", "run", "var"]) expect(value ?? []).not.toContain(name);
  });

  test("node:fs does not read the platform's data", async () => {
    for (const file of ["wrangler.env", "master.key", "freehold.db", "routes.json"]) {
      expect((await ask("/read", join(platform().dataDir, file))).value).toBeUndefined();
    }
  });

  test("what node:fs writes stays in the Worker", async () => {
    await ask("/write", "/tmp/freehold-hostile-was-here");
    expect(readdirSync("/tmp")).not.toContain("freehold-hostile-was-here");
  });

  test("programs, eval and the process's environment are out of reach", async () => {
    expect((await ask("/exec", "id")).value).toBeUndefined();
    expect((await ask("/eval")).value).toBeUndefined();
    const environment = JSON.stringify(await ask("/environment"));
    expect(environment).not.toMatch(/FREEHOLD|CLOUDFLARE|\/home|\/root/);
    expect(environment).not.toContain(platform().dataDir);
  });
});

describe("network", () => {
  test("the service that must not be reached is there", async () => {
    expect((await platform().fetch(`http://127.0.0.1:${port(inside)}/`)).body).toBe("host service reached");
    reached = 0;
  });

  test.each([
    "http://127.0.0.1:{port}/",
    "http://localhost:{port}/",
    "http://0.0.0.0:{port}/",
    "http://127.1:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://[::1]:{port6}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/",
    "http://{machine}:{port}/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.0.1/",
    "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[fd00:ec2::254]/",
    "http://[fe80::1]/",
    "http://198.18.0.1/",
    "http://127.0.0.1:{platform}/ready",
    "http://localhost:{platform}/client/v4/user",
  ])("fetch of %s is refused", async (address) => {
    const startedAt = performance.now();
    const { value, error } = await ask("/fetch", fill(address));
    expect(value).toBeUndefined();
    expect(error).toBeDefined();
    // Refused, not left to time out on the way there.
    expect(error).not.toMatch(/timeout|timed out/i);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    expect(reached).toBe(0);
  });

  test.each([
    "127.0.0.1:{port}",
    "localhost:{port}",
    "[::1]:{port6}",
    "[::ffff:127.0.0.1]:{port}",
    "169.254.169.254:80",
    "10.0.0.1:22",
    "127.0.0.1:{platform}",
  ])("connect to %s is refused", async (address) => {
    expect((await ask("/connect", fill(address))).value).toBeUndefined();
    expect(reached).toBe(0);
  });

  test("unix sockets cannot be named", async () => {
    const sockets = runFiles().filter((path) => path.endsWith(".sock"));
    expect(sockets.length).toBeGreaterThan(0);
    for (const path of [...sockets, "/run/docker.sock", "/var/run/dbus/system_bus_socket"]) {
      expect((await ask("/connect", `unix:${path}`)).value).toBeUndefined();
      expect((await ask("/fetch", `unix:${path}`)).value).toBeUndefined();
      expect((await ask("/fetch", `http+unix://${encodeURIComponent(path)}/`)).value).toBeUndefined();
      expect((await ask("/net", JSON.stringify({ path }))).value).toBeUndefined();
    }
  });

  test("an operator may allow a private range", async () => {
    await using open = await startPlatform({ env: { FREEHOLD_ALLOW_PRIVATE: "127.0.0.0/8" } });
    await open.api.deploy(
      "open",
      "export default { fetch(request) { return fetch(new URL(request.url).searchParams.get('to')); } }",
    );
    const address = await open.url("open", `/?to=${encodeURIComponent(fill("http://127.0.0.1:{port}/"))}`);
    expect((await open.fetch(address)).body).toBe("host service reached");
    const other = await open.fetch(await open.url("open", `/?to=${encodeURIComponent("http://10.0.0.1/")}`));
    expect(other.status).toBe(500);
  });
});

describe.runIf(hasBubblewrap())("the sandbox, seen from the host", () => {
  test("a runner's root holds the runtime and nothing of the host", () => {
    for (const runner of platform().runners()) {
      const root = `/proc/${runner.pid}/root`;
      for (const path of ["/etc/passwd", "/etc/shadow", "/root", "/home", repository, "/bin/sh", "/usr/bin/env"]) {
        expect(readable(join(root, path)), path).toBe(false);
      }
      const visible = walk(root, 6);
      expect(
        visible.filter((path) =>
          /freehold\.db|master\.key|wrangler\.env|routes\.json|\/versions\/|\/blobs\/|ca\.key/.test(path),
        ),
      ).toEqual([]);
    }
  });

  test("a runner sees its own sockets and no other runner's", () => {
    const seen = platform()
      .runners()
      .map((runner) => walk(`/proc/${runner.pid}/root`, 6).filter((path) => path.endsWith(".sock")));
    expect(seen.length).toBeGreaterThanOrEqual(2);
    const all = runFiles().filter((path) => path.endsWith(".sock"));
    for (const sockets of seen) {
      expect(sockets.filter((path) => /control|rpc.*other/.test(path))).toEqual([]);
      expect(sockets.length).toBeLessThan(all.length);
    }
  });

  test("a runner has namespaces of its own, no capabilities and no way to gain any", () => {
    for (const runner of platform().runners()) {
      for (const namespace of ["user", "mnt", "pid", "ipc", "uts"]) {
        expect(readlinkSync(`/proc/${runner.pid}/ns/${namespace}`)).not.toBe(
          readlinkSync(`/proc/self/ns/${namespace}`),
        );
      }
      const status = readFileSync(`/proc/${runner.pid}/status`, "utf8");
      expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
      expect(status).toMatch(/^CapEff:\s+0+$/m);
      expect(status).toMatch(/^Seccomp:\s+2$/m);
    }
  });

  test("a runner's environment and command line hold no secret", () => {
    for (const runner of platform().runners()) {
      const environment = readFileSync(`/proc/${runner.pid}/environ`, "utf8");
      expect(environment).not.toMatch(/FREEHOLD|CLOUDFLARE|TOKEN|HOME=/);
      expect(runner.command.join(" ")).not.toContain(platform().api.token);
    }
  });
});

const port = (server: Server | undefined) => (server?.address() as AddressInfo | null)?.port ?? 1;

function fill(template: string): string {
  return template
    .replace("{port}", String(port(inside)))
    .replace("{port6}", String(port(inside6)))
    .replace("{platform}", String(platform().port))
    .replace("{machine}", machineAddress());
}

/** An address of this machine other than loopback, as a Worker might guess it. */
function machineAddress(): string {
  const table = readFileSync("/proc/net/fib_trie", "utf8");
  const addresses = [...table.matchAll(/\|-- ([\d.]+)\n\s+\/32 host LOCAL/g)].map(([, address]) => address ?? "");
  return addresses.find((address) => !address.startsWith("127.")) ?? "127.0.0.2";
}

function readable(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EISDIR" && readdirSync(path).length > 0;
  }
}

/** Paths below a directory, without the kernel's own file systems. */
function walk(root: string, depth: number, below = ""): string[] {
  if (depth === 0 || /^\/(proc|sys|dev)$/.test(below)) return [];
  try {
    return readdirSync(root + below, { withFileTypes: true }).flatMap((entry) => {
      const path = `${below}/${entry.name}`;
      return entry.isDirectory() ? [path, ...walk(root, depth - 1, path)] : [path];
    });
  } catch {
    return [];
  }
}

function runFiles(): string[] {
  const run = join(platform().dataDir, "run");
  return walk(run, 6).map((path) => run + path);
}
