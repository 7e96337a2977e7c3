import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { dataDirectory, temporaryDirectory } from "./testing.ts";
import { findWrangler, npmSettings, wranglerEnvironment } from "./wrangler.ts";

const main = join(import.meta.dirname, "..", "main.ts");

/** A project with a stand-in for wrangler; returns a folder in it. */
function project(code: string): string {
  const directory = temporaryDirectory();
  const wrangler = join(directory, "node_modules", "wrangler");
  const inside = join(directory, "workers", "hello");
  mkdirSync(wrangler, { recursive: true });
  mkdirSync(inside, { recursive: true });
  writeFileSync(join(wrangler, "package.json"), JSON.stringify({ bin: { wrangler: "./cli.cjs" } }));
  writeFileSync(join(wrangler, "cli.cjs"), code);
  return inside;
}

function runWrangler(code: string, args: string[], env: Record<string, string> = {}) {
  const run = spawnSync(process.execPath, [main, "wrangler", ...args], {
    cwd: project(code),
    encoding: "utf8",
    env: { ...process.env, FREEHOLD_DATA: dataDirectory(), ...env },
  });
  return { code: run.status, stdout: run.stdout, stderr: run.stderr };
}

test("runs the project's wrangler with all arguments, the platform's variables and its exit code", () => {
  const run = runWrangler(
    `const { CLOUDFLARE_API_BASE_URL, CLOUDFLARE_API_TOKEN, CLOUDFLARE_ACCOUNT_ID, WRANGLER_SEND_METRICS, CLOUDFLARE_API_KEY } = process.env;
     console.log(JSON.stringify([process.argv.slice(2), CLOUDFLARE_API_BASE_URL, CLOUDFLARE_API_TOKEN, CLOUDFLARE_ACCOUNT_ID, WRANGLER_SEND_METRICS, CLOUDFLARE_API_KEY ?? null]));
     process.exitCode = 3;`,
    ["deploy", "--name", "a b", "--help"],
    // A global key of the original would win over the token.
    { CLOUDFLARE_API_KEY: "theirs", CLOUDFLARE_API_TOKEN: "theirs" },
  );
  expect(run.code).toBe(3);
  expect(JSON.parse(run.stdout)).toEqual([
    ["deploy", "--name", "a b", "--help"],
    "http://localhost:8787/client/v4",
    "fh_secret",
    "a".repeat(32),
    "false",
    null,
  ]);
});

test("URLs are shown as they open, in text, in bytes and from a process of wrangler's own", () => {
  const url = "https://hello.dev.localhost:8787/#.workers.dev";
  const run = runWrangler(
    `const { spawnSync } = require("child_process");
     if (process.argv[2] === "inner") { console.error("inner ${url}"); return; }
     console.log("text ${url}");
     process.stdout.write(Buffer.from("bytes ü ${url}\\n"), () =>
       spawnSync(process.execPath, [__filename, "inner"], { stdio: "inherit" }));`,
    ["deploy"],
  );
  expect(run.stdout).toBe("text http://hello.dev.localhost:8787\nbytes ü http://hello.dev.localhost:8787\n");
  expect(run.stderr).toBe("inner http://hello.dev.localhost:8787\n");
});

/** As wrangler notes what it did. */
const NOTES = `const { appendFileSync } = require("fs");
  const note = (entry) => appendFileSync(process.env.WRANGLER_OUTPUT_FILE_PATH, JSON.stringify(entry) + "\\n");
  note({ type: "wrangler-session", version: 1 });
  note({ type: "deploy", version: 1, worker_name: "site", version_id: "v1" });
  note({ type: "version-upload", version: 1, worker_name: "fine", version_id: "v2" });
  process.exitCode = 4;`;

test("lines that do nothing are printed after a deploy, and the exit code stays", async () => {
  const asked: string[] = [];
  const api = createServer((request, response) => {
    asked.push(request.url ?? "");
    const assets = request.url?.endsWith("/site/versions/v1") ? { warnings: ["_redirects:3 | /a /b – loops"] } : {};
    response.end(JSON.stringify({ success: true, result: { resources: { script_runtime: { assets } } } }));
  });
  await new Promise<void>((resolve) => api.listen(0, "127.0.0.1", resolve));
  const { port } = api.address() as AddressInfo;
  const own = join(temporaryDirectory(), "own-notes");
  writeFileSync(own, '{"type":"deploy","worker_name":"before","version_id":"v0"}\n');
  for (const env of [{}, { WRANGLER_OUTPUT_FILE_PATH: own }] as Record<string, string>[]) {
    asked.length = 0;
    const child = spawn(process.execPath, [main, "wrangler", "deploy"], {
      cwd: project(NOTES),
      env: { ...process.env, FREEHOLD_DATA: dataDirectory(`http://127.0.0.1:${port}/client/v4`), ...env },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);
    expect(stderr).toBe("Lines that do nothing in the version just made of site:\n  _redirects:3 | /a /b – loops\n");
    expect(code).toBe(4);
    const scripts = `/client/v4/accounts/${"a".repeat(32)}/workers/scripts`;
    expect(asked).toEqual([`${scripts}/site/versions/v1`, `${scripts}/fine/versions/v2`]);
  }
  await new Promise((resolve) => api.close(resolve));
});

test("a deploy does not fail when the platform cannot be asked for warnings", () => {
  const run = runWrangler(NOTES, ["deploy"], { FREEHOLD_DATA: dataDirectory("http://127.0.0.1:1/client/v4") });
  expect([run.code, run.stderr]).toEqual([4, ""]);
});

test("without a platform nothing runs", () => {
  const run = runWrangler("console.log('ran')", ["deploy"], { FREEHOLD_DATA: temporaryDirectory() });
  expect(run.code).toBe(1);
  expect(run.stdout).toBe("");
  expect(run.stderr).toContain("has not run with this data directory");
});

test("a directory without wrangler above it has none", () => {
  expect(findWrangler(temporaryDirectory())).toBeUndefined();
});

test("npx keeps the machine's settings of npm, which are not beside our Node", () => {
  const prefix = temporaryDirectory();
  mkdirSync(join(prefix, "bin"));
  writeFileSync(join(prefix, "bin", "npx"), "");
  expect(npmSettings({ PATH: `/nowhere:${prefix}/bin` })).toEqual({
    npm_config_globalconfig: join(prefix, "etc", "npmrc"),
  });
  expect(npmSettings({ PATH: `${prefix}/bin`, npm_config_globalconfig: "/mine" })).toEqual({});
  expect(npmSettings({ PATH: "/nowhere" })).toEqual({});
});

test("the user's NODE_OPTIONS are kept", () => {
  const env = wranglerEnvironment(
    {
      CLOUDFLARE_API_BASE_URL: "http://localhost:8787/client/v4",
      CLOUDFLARE_API_TOKEN: "t",
      CLOUDFLARE_ACCOUNT_ID: "a",
    },
    "localhost",
    { NODE_OPTIONS: "--max-old-space-size=4096" },
  );
  expect(env.NODE_OPTIONS).toMatch(/^--max-old-space-size=4096 --import="file:.*wrangler-output\.ts"$/);
});
