import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { servicesDatabases } from "./databases.ts";

let directory: string;
let socket: string;
let server: Server;
let asked: { method: string | undefined; url: string | undefined; body: string }[];
let answer: (response: ServerResponse) => void;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "fh-databases-"));
  socket = join(directory, "services.sock");
  asked = [];
  answer = (response) => response.end('{"bookmark":"b"}');
  server = createServer(async (request, response) => {
    asked.push({ method: request.method, url: request.url, body: await text(request) });
    answer(response);
  });
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(directory, { recursive: true, force: true });
});

const listen = () => new Promise<void>((resolve) => server.listen(socket, resolve));
const call = (timeoutMs = 30_000) => servicesDatabases(socket).call("acc", "db", "bookmark", { atMs: 1 }, timeoutMs);

test("a call is a POST of JSON, and answers JSON", async () => {
  await listen();
  expect(await call()).toEqual({ bookmark: "b" });
  expect(asked).toEqual([{ method: "POST", url: "/d1/acc/db/bookmark", body: '{"atMs":1}' }]);
});

test("a failure keeps its code and its words", async () => {
  await listen();
  answer = (response) => response.writeHead(400).end('{"error":{"code":"sql","message":"no such table: x"}}');
  await expect(call()).rejects.toMatchObject({ name: "DatabaseError", code: "sql", message: "no such table: x" });
});

test.each([
  [500, '{"error":{"code":"new","message":"m"}}'],
  [500, "<html>"],
  [200, "not JSON"],
])("an answer that is none of ours (%i %s) is unavailability", async (status, body) => {
  await listen();
  answer = (response) => response.writeHead(status).end(body);
  await expect(call()).rejects.toMatchObject({ code: "unavailable" });
  expect(asked).toHaveLength(1);
});

test("services that are starting are waited for", async () => {
  const answered = call();
  await listen();
  expect(await answered).toEqual({ bookmark: "b" });
});

test("a call that was sent is not sent again", async () => {
  await listen();
  answer = (response) => response.destroy();
  await expect(call()).rejects.toMatchObject({ code: "unavailable" });
  expect(asked).toHaveLength(1);
});

test("a call ends in its time", async () => {
  await listen();
  answer = () => {};
  await expect(call(50)).rejects.toMatchObject({ code: "timeout" });
});

test("an answer that does not fit memory is refused", async () => {
  await listen();
  answer = (response) => {
    const piece = Buffer.alloc(1_000_000, "x");
    for (let written = 0; written < 70; written++) response.write(piece);
    response.end();
  };
  await expect(call()).rejects.toMatchObject({ code: "too-large" });
});
