import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { runCommand } from "./main.ts";
import { dataDirectory, recordingIo, temporaryDirectory } from "./testing.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

const shop = {
  name: "shop",
  build_config: { destination_dir: "dist" },
  deployment_configs: { production: { compatibility_date: "2026-01-01" }, preview: {} },
  uses_functions: true,
};

const queue = {
  queue_name: "orders",
  consumers: [
    { type: "worker", script: "other", settings: {} },
    {
      type: "worker",
      script: "pages-worker--shop",
      dead_letter_queue: "dead",
      settings: { batch_size: 5, max_wait_time_ms: 2000 },
    },
  ],
};

async function platform(project: object = shop) {
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    const result = path.endsWith("/schedules")
      ? { schedules: [{ cron: "0 4 * * *" }] }
      : path.endsWith("/script-settings")
        ? { logpush: false, tail_consumers: null }
        : path.endsWith("/pages/projects/shop")
          ? project
          : path.includes("/queues")
            ? [queue]
            : [];
    response.end(JSON.stringify({ success: true, result }));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return recordingIo({ FREEHOLD_DATA: dataDirectory(`http://127.0.0.1:${port}/client/v4`) });
}

function project(): string {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, "dist"));
  writeFileSync(join(directory, "dist/_worker.js"), "");
  writeFileSync(join(directory, "wrangler.jsonc"), '{\n  "name": "shop",\n  "pages_build_output_dir": "dist"\n}\n');
  writeFileSync(join(directory, "wrangler.toml"), "");
  return directory;
}

test("shows the difference and writes nothing", async () => {
  const io = await platform();
  const directory = project();
  expect(await runCommand("migrate", ["pages-to-workers", "shop", "--directory", directory], io)).toBe(0);
  const printed = io.stdout.join("\n");
  expect(printed).toContain('    "name": "shop",');
  expect(printed).toContain('-   "pages_build_output_dir": "dist"');
  expect(printed).toContain('+   "main": "dist/_worker.js",');
  expect(printed).toContain('+     "crons": ["0 4 * * *"]');
  expect(printed).toContain("+ _worker.js");
  expect(printed).toContain("Remove wrangler.toml");
  expect(printed).toContain("--write");
  expect(readFileSync(join(directory, "wrangler.jsonc"), "utf8")).toContain("pages_build_output_dir");
});

test("writes when it is told to", async () => {
  const io = await platform();
  const directory = project();
  expect(await runCommand("migrate", ["pages-to-workers", "shop", "--directory", directory, "--write"], io)).toBe(0);
  expect(JSON.parse(readFileSync(join(directory, "wrangler.jsonc"), "utf8"))).toMatchObject({
    name: "shop",
    main: "dist/_worker.js",
    assets: { directory: "dist", binding: "ASSETS" },
    queues: { consumers: [{ queue: "orders", max_batch_size: 5, max_batch_timeout: 2, dead_letter_queue: "dead" }] },
  });
  expect(readFileSync(join(directory, "dist/.assetsignore"), "utf8")).toBe("_worker.js\n");
});

test("reads a file with comments, and refuses one that is broken", async () => {
  const io = await platform();
  const directory = project();
  const run = (text: string, ...more: string[]) => {
    writeFileSync(join(directory, "wrangler.jsonc"), text);
    return runCommand("migrate", ["pages-to-workers", "shop", "--directory", directory, ...more], io);
  };
  expect(await run('// ours\n{ "minify": true, }\n', "--write")).toBe(0);
  expect(readFileSync(join(directory, "wrangler.jsonc"), "utf8")).toMatch(/^\/\/ ours\n\{\n {2}"minify": true,\n/);
  expect(await run("{")).toBe(1);
  expect(io.stderr.at(-1)).toContain("wrangler.jsonc is not valid");
  expect(await run("{}", "--assets", "out")).toBe(1);
  expect(io.stderr.at(-1)).toContain("say with --assets");
});

test.each(["..", "dist/../../other", "/etc"])(
  "the directory %s that the platform says is not written to",
  async (destination_dir) => {
    const io = await platform({ ...shop, build_config: { destination_dir } });
    const directory = project();
    const run = (...more: string[]) =>
      runCommand("migrate", ["pages-to-workers", "shop", "--directory", directory, "--write", ...more], io);
    expect(await run()).toBe(1);
    expect(io.stderr.at(-1)).toContain("outside of its directory");
    expect(await run("--assets", "dist")).toBe(0);
  },
);

const JSONC = `{
\t"$schema": "node_modules/wrangler/config-schema.json",
\t// the shop
\t"name": "shop",
\t"pages_build_output_dir": "./dist", // what astro makes
\t"compatibility_date": "2026-01-01",
\t"compatibility_flags": ["nodejs_compat"],
\t"vars": { "GREETING": "hello" }, // said once
\t"d1_databases": [{ "binding": "DB", "database_name": "orders", "database_id": "d", "migrations_dir": "sql" }],
\t/* previews */
\t"env": { "preview": { "vars": { "GREETING": "hi" } } }
}
`;

const TOML = `# the shop
name = "shop"
pages_build_output_dir = "./dist" # what astro makes
compatibility_date = "2026-01-01"
compatibility_flags = [ "nodejs_compat" ]

[vars]
GREETING = "hello" # said once

[[d1_databases]]
binding = "DB"
database_name = "orders"
database_id = "d"
migrations_dir = "sql"

[env.preview.vars]
GREETING = "hi"
`;

test.each([
  ["wrangler.jsonc", JSONC],
  ["wrangler.toml", TOML],
])("of %s only what has to change does, whatever its manner", async (name, text) => {
  const io = await platform();
  const directory = project();
  for (const other of ["wrangler.jsonc", "wrangler.toml"]) rmSync(join(directory, other));
  writeFileSync(join(directory, name), text);
  expect(await runCommand("migrate", ["pages-to-workers", "shop", "--directory", directory, "--write"], io)).toBe(0);
  const lines = readFileSync(join(directory, name), "utf8").split("\n");
  const changed = text.split("\n").filter((line) => !lines.includes(line));
  expect(changed.map((line) => line.trim())).toEqual(
    name.endsWith("c")
      ? [expect.stringMatching(/^"pages_build_output_dir"/), expect.stringMatching(/^"env"/)]
      : [expect.stringMatching(/^pages_build_output_dir/)],
  );
  // Once it is a Worker's, nothing is left to do.
  const { stdout } = io;
  stdout.splice(0);
  expect(await runCommand("migrate", ["pages-to-workers", "shop", "--directory", directory], io)).toBe(0);
  expect(stdout.filter((line) => /^[-+] /.test(line))).toEqual([]);
});

test("says how it is called", async () => {
  const io = recordingIo();
  expect(await runCommand("migrate", ["pages"], io)).toBe(2);
  expect(io.stderr.join("\n")).toContain("pages-to-workers");
});
