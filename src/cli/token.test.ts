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

/** A platform that answers one way, or by what is asked, and what was asked of it. */
async function platform(status: number, envelope: unknown | ((line: string) => unknown)) {
  const asked: { line: string; authorization: string | undefined; body: string }[] = [];
  const server = createServer(async (request: IncomingMessage, response) => {
    const { method, url, headers } = request;
    asked.push({ line: `${method} ${url}`, authorization: headers.authorization, body: await text(request) });
    const answer = typeof envelope === "function" ? envelope(`${method} ${url}`) : envelope;
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answer));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { asked, port, io: recordingIo({ FREEHOLD_DATA: dataDirectory(`http://127.0.0.1:${port}/client/v4`) }) };
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

test("an access key is printed as S3 tools read it from the environment, with the platform's port", async () => {
  const result = { id: "k1", name: "sync", secret_access_key: "secret" };
  const { asked, port, io } = await platform(200, { success: true, result });
  const args = ["create", "--name", "sync", "--r2", "object-read-write", "--bucket", "a1b", "--bucket", "c3d"];
  expect(await runCommand("token", args, io)).toBe(0);
  expect(asked.map(({ line, body }) => [line, JSON.parse(body)])).toEqual([
    [
      `POST /client/v4/accounts/${account}/r2/access_keys`,
      { name: "sync", permission: "object-read-write", buckets: ["a1b", "c3d"] },
    ],
  ]);
  expect(io.stdout).toEqual([
    "AWS_ACCESS_KEY_ID=k1",
    "AWS_SECRET_ACCESS_KEY=secret",
    "AWS_REGION=auto",
    `AWS_ENDPOINT_URL_S3=http://s3.localhost:${port}`,
  ]);
});

test("list shows the live tokens and access keys in columns", async () => {
  const row = { id: "0123", name: "ci", scope: "edit", status: "active", issued_on: "2026-11-20T10:00:00.000Z" };
  const created_on = "2026-11-21T10:00:00.000Z";
  const key = { id: "4567", name: "sync", permission: "object-read-only", buckets: ["a1b", "c3d"], created_on };
  const { asked, io } = await platform(200, (line: string) => ({
    success: true,
    result: line.includes("access_keys") ? [key] : [row],
  }));
  expect(await runCommand("token", ["list"], io)).toBe(0);
  expect(asked.map(({ line }) => line)).toEqual([
    `GET /client/v4/accounts/${account}/tokens?per_page=1000`,
    `GET /client/v4/accounts/${account}/r2/access_keys?per_page=1000`,
  ]);
  expect(io.stdout).toEqual([
    "ID    NAME  SCOPE                          CREATED",
    "0123  ci    edit                           2026-11-20",
    "4567  sync  r2 object-read-only: a1b, c3d  2026-11-21",
  ]);
});

test("revoke names the token; a refusal is shown in the platform's words", async () => {
  const { asked, io } = await platform(404, {
    success: false,
    errors: [{ code: 7003, message: "There is no live token x y in this account." }],
  });
  expect(await runCommand("token", ["revoke", "x y"], io)).toBe(1);
  expect(asked.map(({ line }) => line)).toEqual([
    `DELETE /client/v4/accounts/${account}/tokens/x%20y`,
    `DELETE /client/v4/accounts/${account}/r2/access_keys/x%20y`,
  ]);
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
  [["create", "--name", "a", "--r2", "all"], "--r2 must be one of"],
  [["create", "--name", "a", "--r2", "object-read-only", "--scope", "read"], "give one of them"],
  [["create", "--name", "a", "--scope", "read", "--bucket", "b"], "--bucket is for access keys"],
  [["revoke"], "Say which token"],
  [["list", "a", "b"], "Too many arguments"],
])("token %j is refused with the usage", async (args, message) => {
  const { asked, io } = await platform(200, { success: true, result: [] });
  expect(await runCommand("token", args, io)).toBe(2);
  expect(io.stderr.join()).toContain(message);
  expect(asked).toEqual([]);
});
