import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, expect, test } from "vitest";
import { runCommand } from "./main.ts";
import { dataDirectory, recordingIo } from "./testing.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

const row = { id: "z1", name: "example.com", created_on: "2026-11-20T10:00:00.000Z" };

/** A platform with these zones, and what was asked of it. */
async function platform(zones: unknown[]) {
  const asked: string[] = [];
  const server = createServer(async (request, response) => {
    const result = request.method === "GET" ? zones : row;
    asked.push(`${request.method} ${request.url} ${await text(request)}`.trim());
    response.end(JSON.stringify({ success: true, result }));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { asked, io: recordingIo({ FREEHOLD_DATA: dataDirectory(`http://127.0.0.1:${port}/client/v4`) }) };
}

test("add, list and remove", async () => {
  const { asked, io } = await platform([row]);
  expect(await runCommand("zone", ["add", "example.com"], io)).toBe(0);
  expect(await runCommand("zone", ["list"], io)).toBe(0);
  expect(await runCommand("zone", ["remove", "example.com"], io)).toBe(0);
  expect(asked).toEqual([
    'POST /client/v4/zones {"name":"example.com"}',
    "GET /client/v4/zones?per_page=1000",
    "GET /client/v4/zones?name=example.com",
    "DELETE /client/v4/zones/z1",
  ]);
  expect(io.stdout).toEqual([
    "example.com is a zone (z1). Its names answer here once they lead to this machine.",
    "NAME         ID  CREATED",
    "example.com  z1  2026-11-20",
    "Removed example.com, its routes and its custom domains.",
  ]);
});

test("a zone that is not there cannot be removed", async () => {
  const { asked, io } = await platform([]);
  expect(await runCommand("zone", ["remove", "example.org"], io)).toBe(1);
  expect(io.stderr.join()).toContain("There is no zone example.org");
  expect(asked).toHaveLength(1);
});

test.each([
  [[], "add, list or remove"],
  [["make"], 'no "zone make"'],
  [["add"], "Say which zone"],
  [["remove", "a", "b"], "Too many arguments"],
])("zone %j is refused with the usage", async (args, message) => {
  const { asked, io } = await platform([]);
  expect(await runCommand("zone", args, io)).toBe(2);
  expect(io.stderr.join()).toContain(message);
  expect(asked).toEqual([]);
});
