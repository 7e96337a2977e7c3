/** What the edge hands over for the hosts of storage. */
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { Cleanup } from "../lib/http/testing.ts";
import { startEdge } from "./testing.ts";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

test("a request arrives as it was signed, bodies larger than those of Workers included", async () => {
  const edge = await startEdge(cleanup, {});
  const seen: { url: string | undefined; headers: string[]; bytes: number }[] = [];
  const server = createServer((request, response) => {
    let bytes = 0;
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    request.on("end", () => {
      seen.push({ url: request.url, headers: request.rawHeaders, bytes });
      response.setHeader("ETag", '"x"').end();
    });
  });
  const path = join(dirname(edge.controlSocket), "storage.sock");
  await new Promise<void>((resolve) => server.listen(path, resolve));
  cleanup.add(() => {
    server.closeAllConnections();
    server.close();
  });
  const size = 2_000_000;
  const client = edge
    .client()
    .send(
      `PUT /photos/a%20b+c?x=%2F&partNumber=1 HTTP/1.1\r\nHost: S3.localhost:1234\r\nCF-IPCountry: DE\r\nX-Forwarded-For: me\r\n` +
        `x-amz-meta-A: 1  2\r\nx-amz-meta-a: 3\r\nContent-Length: ${size}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`,
    );
  await client.has("100 Continue\r\n\r\n");
  client.socket.write(Buffer.alloc(size));
  expect(await client.toEnd()).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n[\s\S]*ETag: "x"/);
  const [request] = seen;
  expect([request?.url, request?.bytes]).toEqual(["/photos/a%20b+c?x=%2F&partNumber=1", size]);
  const headers = request?.headers ?? [];
  const pairs = headers
    .filter((_, index) => index % 2 === 0)
    .map((name, index) => `${name}: ${headers[index * 2 + 1]}`);
  expect(pairs).toEqual(
    expect.arrayContaining(["Host: S3.localhost:1234", "x-amz-meta-A: 1  2", "x-amz-meta-a: 3", "CF-IPCountry: DE"]),
  );
  expect(pairs.filter((pair) => pair.startsWith("X-Forwarded-For"))).toEqual([expect.not.stringContaining("me")]);
});

test("storage that is away is said in its own format, so that clients try again", async () => {
  const { get } = await startEdge(cleanup, {});
  const { status, head, body } = await get("photos.s3.localhost");
  expect([status, body]).toEqual([503, expect.stringContaining("<Code>ServiceUnavailable</Code>")]);
  expect(head).toMatch(/content-type: application\/xml/i);
});
