import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
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
  expect(printed).toContain('+       "0 4 * * *"');
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
  expect(JSON.parse(readFileSync(join(directory, "wrangler.jsonc"), "utf8"))).toMatchObject({ minify: true });
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

test("says how it is called", async () => {
  const io = recordingIo();
  expect(await runCommand("migrate", ["pages"], io)).toBe(2);
  expect(io.stderr.join("\n")).toContain("pages-to-workers");
});
