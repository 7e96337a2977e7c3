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

async function platform(result: unknown) {
  const asked: string[] = [];
  const server = createServer(async (request, response) => {
    asked.push(
      `${request.method} ${request.url?.slice(`/client/v4/accounts/${"a".repeat(32)}`.length)} ${await text(request)}`,
    );
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ success: true, result }));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { asked, io: recordingIo({ FREEHOLD_DATA: dataDirectory(`http://127.0.0.1:${port}/client/v4`) }) };
}

const link = {
  token: "t.o.k",
  url: "http://w.dev.localhost/?freehold_access=t.o.k",
  expires_on: "2026-12-01T00:00:00Z",
};

test("prints the link alone on standard output", async () => {
  const { asked, io } = await platform(link);
  expect(await runCommand("access", ["w", "--preview", "next", "--path", "/docs", "--minutes", "5"], io)).toBe(0);
  expect(asked).toEqual(['POST /workers/scripts/w/access-links {"preview":"next","path":"/docs","minutes":5}']);
  expect(io.stdout).toEqual([link.url]);
});

test("prints the token, also where there is no address", async () => {
  const { io } = await platform({ ...link, url: null });
  expect(await runCommand("access", ["w", "--token"], io)).toBe(0);
  expect(io.stdout).toEqual(["t.o.k"]);
  expect(await runCommand("access", ["w"], io)).toBe(1);
});

test("ends all links", async () => {
  const { asked, io } = await platform(null);
  expect(await runCommand("access", ["w", "--end-all"], io)).toBe(0);
  expect(asked).toEqual(["DELETE /workers/scripts/w/access-links "]);
});

test("says how it is called", async () => {
  const { io } = await platform(null);
  expect(await runCommand("access", [], io)).toBe(2);
  expect(await runCommand("access", ["w", "--minutes", "soon"], io)).toBe(2);
});
