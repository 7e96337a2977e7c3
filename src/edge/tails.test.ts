/** Live logs through the edge: to services, not to control. */
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { Cleanup } from "../lib/http/testing.ts";
import { startEdge } from "./testing.ts";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

test("a WebSocket of live logs is handed to services, and frames without a mask pass", async () => {
  const edge = await startEdge(cleanup, {});
  const seen: string[] = [];
  const server = createServer().on("upgrade", (request, stream) => {
    seen.push(request.url ?? "", request.headers["sec-websocket-protocol"] ?? "");
    stream.write(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x02hi",
      "latin1",
    );
    stream.on("data", (bytes: Buffer) => stream.write(bytes));
    cleanup.add(() => stream.destroy());
  });
  await new Promise<void>((resolve) => server.listen(join(dirname(edge.controlSocket), "tails.sock"), resolve));
  cleanup.add(() => server.close());
  const client = edge
    .client()
    .send(
      "GET /client/v4/tails/s3cret HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: trace-v1\r\n\r\n",
    );
  await client.has("\x81\x02hi");
  client.send('\x81\x0f{"debug":false}');
  await client.has('\x81\x0f{"debug":false}');
  expect(seen).toEqual(["/client/v4/tails/s3cret", "trace-v1"]);
});

test("without services there is a page that says so", async () => {
  const { get } = await startEdge(cleanup, {});
  const { status, body } = await get("localhost", "/client/v4/tails/s3cret");
  expect([status, body]).toEqual([503, expect.stringContaining("Live logs are not available")]);
  expect(body).not.toContain("s3cret");
});
