import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Cleanup } from "../lib/http/testing.ts";
import { planLaunch } from "../products/launch.ts";
import { socketNames } from "../workerd/plan.ts";
import { startTestRunner, type TestBlobs, type TestRunner, testRecord } from "../workerd/testing.ts";
import { address, startEdge, type TestEdge } from "./testing.ts";

/** The edge in front of a real workerd, started as the supervisor starts it but for the sandbox. */
const cleanup = new Cleanup();
let edge: TestEdge;
let runner: TestRunner;

const worker = `
let aborted = 0;
/** A stream that fails after so many parts. */
function failing(parts) {
  return new ReadableStream({
    async pull(controller) {
      if (parts-- <= 0) throw new Error("secret words");
      controller.enqueue(new TextEncoder().encode("part"));
      await scheduler.wait(100);
    },
  }, { highWaterMark: 0 });
}
export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    switch (pathname) {
      case "/request":
        return Response.json({ url: request.url, cf: request.cf, headers: Object.fromEntries(request.headers) });
      case "/throw": throw new Error("secret words");
      case "/never": return new Promise(() => {});
      case "/nothing": return;
      case "/cut": return new Response(failing(1));
      case "/cut-at-once": return new Response(failing(0));
      case "/own-500": return new Response("mine", { status: 500, headers: { connection: "close" } });
      case "/echo": return new Response(request.body);
      case "/ignore": return new Response("unread");
      case "/empty": return new Response(null, { status: 204 });
      case "/hang": {
        request.signal.addEventListener("abort", () => aborted++);
        await scheduler.wait(60_000);
        return new Response("late");
      }
      case "/aborted": return new Response(String(aborted));
      case "/socket": {
        const [client, server] = Object.values(new WebSocketPair());
        server.accept();
        server.addEventListener("message", ({ data }) => {
          server.send("echo " + data);
          if (data === "bye") server.close(1000, "done");
        });
        return new Response(null, { status: 101, webSocket: client });
      }
    }
    return new Response("Hello World!");
  },
};`;

beforeAll(async () => {
  const blobs: TestBlobs = new Map();
  const compatibilityFlags = ["enable_request_signal"];
  runner = await startTestRunner(planLaunch, testRecord(blobs, { "index.js": worker }, { compatibilityFlags }), blobs);
  cleanup.add(() => runner.stop());
  expect(runner.started, runner.stderr()).toBe(true);
  const path = join(runner.socketDir, socketNames.http);
  edge = await startEdge(cleanup, { acquire: async (versionId) => address(versionId, path) });
});
afterAll(() => cleanup.run());

const HOST = "hello.acc.localhost:8787";
const start = (method: string, target: string) => `${method} ${target} HTTP/1.1\r\nHost: ${HOST}\r\n`;

describe("a Worker", () => {
  test("sees its URL, the client and request.cf, and nothing of the machinery", async () => {
    const { body } = await edge.get(HOST, "/request?q=1", 'cf-blob: {"colo":"LAX"}\r\nX-Mine: 1\r\n');
    const { url, cf, headers } = JSON.parse(body);
    expect(url).toBe(`http://${HOST}/request?q=1`);
    expect(cf).toMatchObject({ colo: "FRH", country: null, httpProtocol: "HTTP/1.1", tlsVersion: "" });
    expect(headers).toMatchObject({
      "x-mine": "1",
      "cf-connecting-ip": "127.0.0.1",
      "cf-visitor": '{"scheme":"http"}',
      "x-forwarded-proto": "http",
      "cf-ray": expect.stringMatching(/^[0-9a-f]{16}-FRH$/),
    });
    expect(headers).not.toHaveProperty("cf-blob");
    expect(headers).not.toHaveProperty("x-forwarded-scheme");
  });

  test("answers many requests over few connections", async () => {
    const client = edge.client();
    client.send(`${start("GET", "/")}\r\n`.repeat(50));
    await client.has("Hello World!", 50);
    expect(client.received.match(/server: freehold/gi)).toHaveLength(50);
  });

  test.each(["/throw", "/nothing", "/cut-at-once"])("%s is error 1101", async (target) => {
    const page = await edge.get(HOST, target);
    expect([page.status, page.body]).toEqual([500, expect.stringContaining("error 1101")]);
    expect(page.body).not.toContain("secret");
  });

  test("that never resolves is error 1101", async () => {
    expect((await edge.get(HOST, "/never")).body).toContain("error 1101");
  });

  test("may answer 500 itself", async () => {
    expect(await edge.get(HOST, "/own-500")).toMatchObject({ status: 500, body: "mine" });
  });

  test("that fails midway cuts the connection", async () => {
    const client = edge.client().send(`${start("GET", "/cut")}\r\n`);
    await client.toEnd();
    expect(client.received).toContain("part");
    expect(client.received).not.toContain("0\r\n\r\n");
  });

  test("streams a body both ways", async () => {
    const client = edge.client().send(`${start("POST", "/echo")}Transfer-Encoding: chunked\r\n\r\n`);
    client.send("5;ext=1\r\nfirst\r\n");
    await client.has("first");
    client.send("6\r\nsecond\r\n0\r\nX-Trailer: 1\r\n\r\n");
    await client.has("0\r\n\r\n");
    expect(client.received).toContain("second");
    await client.send(`${start("GET", "/")}\r\n`).has("Hello World!");
  });

  test("asks for the body of a client that waits to be asked", async () => {
    const client = edge.client();
    client.send(`${start("POST", "/echo")}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`);
    await client.has("HTTP/1.1 100 Continue\r\n\r\n");
    await client.send("hello").has("hello");
  });

  test("may leave a body unread", async () => {
    const client = edge.client();
    client.send(`${start("POST", "/ignore")}Content-Length: 5\r\n\r\nhello${start("GET", "/")}\r\n`);
    await client.has("Hello World!");
    // workerd answers such a request and closes while the body still comes: the answer must get through each time.
    for (let round = 0; round < 20; round++) {
      const large = edge.client();
      large.send(`${start("POST", "/ignore")}Content-Length: 900000\r\n\r\n${"x".repeat(900_000)}`);
      expect(await large.until(({ received, ended }) => ended || received.endsWith("\r\n\r\nunread"))).toContain(
        "unread",
      );
    }
  });

  test("may answer before the body comes, and the next request is none the worse", async () => {
    for (let round = 0; round < 20; round++) {
      const client = edge.client().send(`${start("POST", "/ignore")}Content-Length: 5\r\n\r\n`);
      await client.has("unread");
      client.send("hello");
      const next = edge.client().send(`${start("POST", "/echo")}Content-Length: 5\r\n\r\nhello`);
      expect(await next.has("hello")).toContain("200 OK");
    }
  });

  test("HEAD and 204", async () => {
    const client = edge.client();
    client.send(`${start("HEAD", "/")}\r\n${start("GET", "/empty")}\r\n${start("GET", "/")}\r\n`);
    await client.has("Hello World!");
    expect(client.received.match(/HTTP\/1.1 \d+/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 204", "HTTP/1.1 200"]);
  });

  test("learns that a client has left", async () => {
    const client = edge.client().send(`${start("GET", "/hang")}\r\n`);
    // The answer to a later request shows that the first one has reached the Worker.
    await edge.get(HOST, "/");
    client.socket.destroy();
    await expect.poll(async () => (await edge.get(HOST, "/aborted")).body, { timeout: 20_000 }).toContain("1");
  });

  test("speaks WebSocket", async () => {
    const client = edge.client();
    client.send(
      `${start("GET", "/socket")}Connection: Upgrade\r\nUpgrade: websocket\r\n` +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    );
    await client.has("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    // Frames of a client: text, masked with zeros, which changes nothing.
    await client.send("\x81\x82\0\0\0\0hi").has("\x81\x07echo hi");
    await client.send("\x81\x83\0\0\0\0bye").has("\x88\x06\x03\xe8done");
    client.send("\x88\x82\0\0\0\0\x03\xe8");
    await client.toEnd();
  });

  test("is not bothered with methods that workerd does not know", async () => {
    const page = await edge
      .client()
      .send(`${start("FROBNICATE", "/")}\r\n`)
      .has("error 501");
    expect(page).not.toContain("Unrecognized");
  });

  test("answers OPTIONS *", async () => {
    await edge
      .client()
      .send(`${start("OPTIONS", "*")}\r\n`)
      .has("HTTP/1.1 ");
  });
});
