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

async function platform() {
  const server = createServer((request, response) => {
    const result = request.url?.endsWith("/schedules") ? { schedules: [{ cron: "0 4 * * *" }] } : shop;
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
  });
  expect(readFileSync(join(directory, "dist/.assetsignore"), "utf8")).toBe("_worker.js\n_routes.json\n");
});

test("says how it is called", async () => {
  const io = recordingIo();
  expect(await runCommand("migrate", ["pages"], io)).toBe(2);
  expect(io.stderr.join("\n")).toContain("pages-to-workers");
});
