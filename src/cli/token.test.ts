import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, expect, test } from "vitest";
import { runCommand } from "./main.ts";
import { dataDirectory, recordingIo } from "./testing.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A platform that answers one way, and what was asked of it. */
async function platform(status: number, envelope: unknown) {
  const asked: { line: string; authorization: string | undefined; body: string }[] = [];
  const server = createServer(async (request: IncomingMessage, response) => {
    const { method, url, headers } = request;
    asked.push({ line: `${method} ${url}`, authorization: headers.authorization, body: await text(request) });
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(envelope));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { asked, io: recordingIo({ FREEHOLD_DATA: dataDirectory(`http://127.0.0.1:${port}/client/v4`) }) };
}

const account = "a".repeat(32);

test("create sends name and scope and prints only the value on standard output", async () => {
  const result = { id: "t1", name: "ci", scope: "edit", status: "active", issued_on: "2026-11-20", value: "fh_new" };
  const { asked, io } = await platform(200, { success: true, result });
  expect(await runCommand("token", ["create", "--name", "ci", "--scope", "edit"], io)).toBe(0);
  expect(asked).toEqual([
    {
      line: `POST /client/v4/accounts/${account}/tokens`,
      authorization: "Bearer fh_secret",
      body: JSON.stringify({ name: "ci", scope: "edit" }),
    },
  ]);
  expect(io.stdout).toEqual(["fh_new"]);
});

test("list shows the live tokens in columns", async () => {
  const row = { id: "0123", name: "ci", scope: "edit", status: "active", issued_on: "2026-11-20T10:00:00.000Z" };
  const { asked, io } = await platform(200, { success: true, result: [row] });
  expect(await runCommand("token", ["list"], io)).toBe(0);
  expect(asked[0]?.line).toBe(`GET /client/v4/accounts/${account}/tokens?per_page=1000`);
  expect(io.stdout).toEqual(["ID    NAME  SCOPE  CREATED", "0123  ci    edit   2026-11-20"]);
});

test("revoke names the token; a refusal is shown in the platform's words", async () => {
  const { asked, io } = await platform(404, {
    success: false,
    errors: [{ code: 7003, message: "There is no live token x y in this account." }],
  });
  expect(await runCommand("token", ["revoke", "x y"], io)).toBe(1);
  expect(asked[0]?.line).toBe(`DELETE /client/v4/accounts/${account}/tokens/x%20y`);
  expect(io.stderr).toEqual(["There is no live token x y in this account. [code: 7003]"]);
});

test("a platform that is down is told apart from one that refuses", async () => {
  const { io } = await platform(200, {});
  const server = servers.pop();
  await new Promise((resolve) => server?.close(resolve));
  expect(await runCommand("token", ["list"], io)).toBe(1);
  expect(io.stderr.join()).toMatch(/does not answer at .*ECONNREFUSED.*npm start/);
});

test.each([
  [[], "create, list or revoke"],
  [["make"], 'no "token make"'],
  [["create", "--scope", "edit"], "--name is missing"],
  [["create", "--name", "a", "--scope", "root"], "--scope must be one of"],
  [["revoke"], "Say which token"],
  [["list", "a", "b"], "Too many arguments"],
])("token %j is refused with the usage", async (args, message) => {
  const { asked, io } = await platform(200, { success: true, result: [] });
  expect(await runCommand("token", args, io)).toBe(2);
  expect(io.stderr.join()).toContain(message);
  expect(asked).toEqual([]);
});
