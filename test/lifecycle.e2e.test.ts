import { mkdtempSync, readdirSync, rmSync, statSync, symlinkSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, describe, expect, test } from "vitest";
import { response } from "./harness/http.ts";
import { machineEnv } from "./harness/npm.ts";
import { type Platform, repository, spawnSupervisor, startPlatform } from "./harness/platform.ts";
import { Child, descendants, isAlive, survivors } from "./harness/processes.ts";
import { Project } from "./harness/project.ts";
import "./harness/suite.ts";

const slow = `let waiting = 0;
export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/waiting") return new Response(String(waiting));
    waiting++;
    await new Promise((resolve) => setTimeout(resolve, Number(searchParams.get("ms"))));
    waiting--;
    return new Response("answered");
  },
};`;

const directory = mkdtempSync(join(tmpdir(), "fh-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe("start", () => {
  test("at most 12 lines say where everything is; files are private", async () => {
    await using platform = await startPlatform();
    const lines = platform.supervisor.output.trimEnd().split("\n");
    expect(lines.length).toBeLessThanOrEqual(12);
    for (const word of [
      `http://localhost:${platform.port}`,
      "CLOUDFLARE_API_BASE_URL",
      "CLOUDFLARE_API_TOKEN",
      "CLOUDFLARE_ACCOUNT_ID",
      platform.dataDir,
    ]) {
      expect(platform.supervisor.output).toContain(word);
    }
    expect(statSync(join(platform.dataDir, "wrangler.env")).mode & 0o777).toBe(0o600);
    expect(statSync(join(platform.dataDir, "master.key")).mode & 0o777).toBe(0o600);
    expect(statSync(platform.dataDir).mode & 0o077).toBe(0);
    expect(platform.clientEnv.CLOUDFLARE_API_BASE_URL).toMatch(/\/client\/v4$/);
  });

  test("a second start on the same directory is refused and disturbs nothing", async () => {
    await using platform = await startPlatform();
    await platform.api.deploy("steady", slow);
    const second = await spawnSupervisor(platform.dataDir).end(20_000);
    expect(second.code).toBe(1);
    expect(second.output).toContain(platform.dataDir);
    expect(second.output).toMatch(/in use/);
    expect(second.output).not.toMatch(/^\s+at /m);
    expect((await platform.fetch(await platform.url("steady"))).body).toBe("answered");
  });

  test("a taken port is named, with the way out", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const { port } = other.address() as AddressInfo;
    const refused = await spawnSupervisor(join(directory, "taken"), { FREEHOLD_PORT: String(port) }).end(20_000);
    other.close();
    expect(refused.code).toBe(1);
    expect(refused.output).toContain(String(port));
    expect(refused.output).toContain("FREEHOLD_PORT=");
    expect(refused.output).not.toMatch(/^\s+at /m);
  });

  test.each([
    [{ FREEHOLD_PORT: "eighty" }, /FREEHOLD_PORT/],
    [{ FREEHOLD_DOMAIN: "http://x" }, /FREEHOLD_DOMAIN/],
    [{ FREEHOLD_ALLOW_PRIVATE: "everything" }, /FREEHOLD_ALLOW_PRIVATE/],
  ])("a mistake in %j is told in words", async (env, message) => {
    const refused = await spawnSupervisor(join(directory, "mistake"), env).end(20_000);
    expect(refused.code).toBe(1);
    expect(refused.output).toMatch(message);
    expect(refused.output).not.toMatch(/^\s+at /m);
  });

  test("without a sandbox the start says so", async () => {
    await using platform = await startPlatform({ env: { FREEHOLD_SANDBOX: "off" } });
    expect(platform.supervisor.output).toMatch(/sandbox/i);
    await platform.api.deploy("steady", slow);
    expect((await platform.fetch(await platform.url("steady"))).body).toBe("answered");
  });

  test("a data directory with a long path works", async () => {
    const long = join(directory, "d".repeat(100), "e".repeat(60));
    const platform = await startPlatform({ dataDir: join(long, "data") });
    try {
      await platform.api.deploy("steady", slow);
      expect((await platform.fetch(await platform.url("steady"))).body).toBe("answered");
    } finally {
      await platform.stop();
    }
  });
});

/** Resolves when a request is in the hands of the Worker `slow`. */
async function oneIsWaiting(platform: Platform): Promise<void> {
  const address = await platform.url("slow", "/waiting");
  while ((await platform.fetch(address)).body !== "1") await pause(10);
}

describe("stop", () => {
  test.each(["SIGINT", "SIGTERM"] as const)("%s to npm alone ends the platform that it started", async (signal) => {
    const npm = new Child("npm", ["start"], {
      cwd: repository,
      env: { ...machineEnv, FREEHOLD_DATA: join(directory, `npm-${signal}`), FREEHOLD_PORT: "0" },
    });
    await npm.outputMatching(/is ready/, 60_000);
    const family = descendants(npm.pid);
    process.kill(npm.pid, signal);
    await npm.end(30_000);
    const left = await survivors(family);
    for (const one of left) process.kill(one.pid, "SIGKILL");
    expect(left.map((one) => one.command.join(" "))).toEqual([]);
  });

  test.each(["SIGTERM", "SIGINT"] as const)(
    "%s lets requests in flight finish and leaves no process",
    async (signal) => {
      const platform = await startPlatform();
      try {
        await platform.api.deploy("slow", slow);
        const address = await platform.url("slow", "/?ms=1500");
        await platform.fetch(await platform.url("slow"));
        const family = descendants(platform.supervisor.pid);
        const outgoing = platform.open(address);
        const answered = response(outgoing);
        outgoing.end();
        await oneIsWaiting(platform);
        platform.supervisor.process.kill(signal);
        const incoming = await answered;
        expect(incoming.statusCode).toBe(200);
        expect(await text(incoming)).toBe("answered");
        const { code, output } = await platform.supervisor.end(20_000);
        expect(code, output).toBe(0);
        expect((await survivors(family)).map((process) => process.command.join(" "))).toEqual([]);
        await expect(platform.fetch(await platform.url("slow"))).rejects.toThrow(/ECONNREFUSED/);
      } finally {
        await platform[Symbol.asyncDispose]();
      }
    },
  );

  test("a second signal does not wait for a request that never ends", async () => {
    const platform = await startPlatform();
    await platform.api.deploy("slow", slow);
    const outgoing = platform.open(await platform.url("slow", "/?ms=600000"));
    outgoing.on("error", () => {});
    outgoing.end();
    await oneIsWaiting(platform);
    const family = descendants(platform.supervisor.pid);
    platform.supervisor.process.kill("SIGTERM");
    await platform.supervisor.outputMatching(/Stopping/, 20_000);
    // Signals close together count as one: a terminal's Ctrl-C may come twice.
    await pause(800);
    platform.supervisor.process.kill("SIGTERM");
    const finished = await platform.supervisor.end(30_000);
    expect(finished.code).toBe(1);
    expect((await survivors(family)).map((process) => process.command.join(" "))).toEqual([]);
    await platform[Symbol.asyncDispose]();
  });
});

describe("kill -9 of the supervisor", () => {
  test("nothing is left running, and the next start has lost nothing", async () => {
    const first = await startPlatform();
    await first.api.deploy("kept", "export default { fetch(_, env) { return new Response('kept ' + env.SECRET) } }");
    await first.api.send("PUT", "/workers/scripts/kept/secrets", {
      name: "SECRET",
      text: "sealed",
      type: "secret_text",
    });
    expect((await first.fetch(await first.url("kept"))).body).toBe("kept sealed");
    const { api } = first;
    const family = descendants(first.supervisor.pid);
    expect(family.length).toBeGreaterThanOrEqual(4);
    // Some of the writes are still under way when it dies.
    const uploads = Array.from({ length: 5 }, (_, index) =>
      api.deploy(`late-${index}`, slow).then(
        () => index,
        () => undefined,
      ),
    );
    await Promise.race(uploads);
    first.supervisor.process.kill("SIGKILL");
    await first.supervisor.finished;
    const accepted = (await Promise.all(uploads)).filter((index) => index !== undefined);

    const second = await startPlatform({ dataDir: first.dataDir });
    try {
      expect(family.filter(isAlive).map((process) => process.command.join(" "))).toEqual([]);
      const base = first.clientEnv.CLOUDFLARE_API_BASE_URL?.replace(`:${first.port}`, `:${second.port}`);
      expect(second.clientEnv).toEqual({ ...first.clientEnv, CLOUDFLARE_API_BASE_URL: base });
      expect((await second.fetch(await second.url("kept"))).body).toBe("kept sealed");
      for (const index of accepted)
        expect((await second.fetch(await second.url(`late-${index}`))).body).toBe("answered");
      // Directories of dead instances do not pile up.
      const instances = readdirSync(join(second.dataDir, "run"), { withFileTypes: true }).filter((entry) =>
        entry.isDirectory(),
      );
      expect(instances.length).toBeLessThanOrEqual(second.runners().length * 2 + 2);
    } finally {
      await second[Symbol.asyncDispose]();
    }
  });
});

describe("commands beside a running platform", () => {
  const run = (platform: Platform, args: string[], cwd = process.cwd()) =>
    new Child(process.execPath, [join(import.meta.dirname, "../src/main.ts"), ...args], {
      cwd,
      env: {
        PATH: process.env.PATH ?? "",
        HOME: dirname(platform.dataDir),
        FREEHOLD_DATA: platform.dataDir,
        FREEHOLD_PORT: String(platform.port),
      },
    }).end(60_000);

  test("doctor, env and wrangler", async () => {
    await using platform = await startPlatform();
    const doctor = await run(platform, ["doctor", "--json"]);
    const report = JSON.parse(doctor.stdout) as { checks?: { status: string }[] } | { status: string }[];
    const checks = Array.isArray(report) ? report : (report.checks ?? []);
    expect(checks.length).toBeGreaterThanOrEqual(5);
    for (const check of checks) expect(["ok", "warn", "fail"]).toContain(check.status);
    const env = await run(platform, ["env"]);
    for (const value of Object.values(platform.clientEnv)) expect(env.stdout).toContain(value);
    using project = new Project("hello-ts");
    symlinkSync(join(repository, "node_modules/wrangler"), join(project.directory, "node_modules/wrangler"));
    const deployed = await run(platform, ["wrangler", "deploy"], project.directory);
    expect(deployed.code, deployed.output).toBe(0);
    // Shown so that it opens without tricks.
    const shown = deployed.output.match(/https?:\/\/hello\.\S+/)?.[0] ?? "";
    expect(shown).not.toContain("#");
    expect((await platform.fetch(shown)).body).toBe("Hello from v1");
    const unknown = await run(platform, ["no-such-command"]);
    expect(unknown.code).not.toBe(0);
    expect(unknown.output).not.toMatch(/^\s+at /m);
  });
});
