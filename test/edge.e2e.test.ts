import { once } from "node:events";
import { text } from "node:stream/consumers";
import { beforeAll, describe, expect, test } from "vitest";
import { response } from "./harness/http.ts";
import { urlPrintedBy } from "./harness/platform.ts";
import { Project } from "./harness/project.ts";
import { exchange, RawWebSocket, statusLines } from "./harness/raw-socket.ts";
import { usePlatform } from "./harness/suite.ts";

const maxBodyMb = 8;
const platform = usePlatform({ FREEHOLD_MAX_BODY_MB: String(maxBodyMb) });

let origin = "";
let host = "";
let secureOrigin = "";

beforeAll(async () => {
  using project = new Project("edge");
  const output = await platform().wranglerOk(project.directory, ["deploy"]);
  secureOrigin = new URL(urlPrintedBy(output)).origin;
  origin = (await platform().url("edge")).slice(0, -1);
  host = new URL(origin).host;
});

interface State {
  requests: number;
  aborted: number;
  background: number;
  pulled: number;
  paths: string[];
}

const fetch = (path: string, options = {}) => platform().fetch(origin + path, options);
const state = async () => (await fetch("/state")).json() as State;
const raw = (bytes: string) => exchange(platform().port, bytes);

/** Asks for the Worker's state until it is as wanted; fails after some seconds. */
async function until(wanted: (state: State) => boolean): Promise<State> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const now = await state();
    if (wanted(now)) return now;
    if (Date.now() > deadline) throw new Error(`still ${JSON.stringify(now)}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

describe("bodies", () => {
  test.each(["http", "https"])("request and response stream at the same time over %s", async (scheme) => {
    const outgoing = platform().open(`${scheme === "https" ? secureOrigin : origin}/echo`, { method: "POST" });
    outgoing.write("first ");
    const incoming = await response(outgoing);
    incoming.setEncoding("utf8");
    expect((await once(incoming, "data"))[0]).toBe("first ");
    outgoing.end("second");
    expect(await text(incoming)).toBe("second");
  });

  test("the first chunk of an answer does not wait for the last", async () => {
    const outgoing = platform().open(`${origin}/numbers?count=2&pause=1500`);
    outgoing.end();
    const incoming = await response(outgoing);
    incoming.setEncoding("utf8");
    const [first] = await once(incoming, "data");
    expect(first).toBe("0\n");
    expect(incoming.complete).toBe(false);
    expect(await text(incoming)).toBe("1\n");
  });

  test("a large body passes whole, with and without a length", async () => {
    const body = Buffer.alloc(5_000_000, "x");
    const sized = await fetch("/count", { method: "POST", body, headers: { "content-length": String(body.length) } });
    expect(sized.json()).toEqual({ bytes: body.length });
    const chunked = platform().open(`${origin}/count`, { method: "POST" });
    for (let i = 0; i < 50; i++) if (!chunked.write(body.subarray(0, 100_000))) await once(chunked, "drain");
    const answered = response(chunked);
    chunked.end();
    expect(JSON.parse(await text(await answered))).toEqual({ bytes: 5_000_000 });
  });

  test("a body beyond the limit is answered with 413", async () => {
    const head = `POST /count HTTP/1.1\r\nHost: ${host}\r\n`;
    const sized = await raw(`${head}Content-Length: ${maxBodyMb * 1_000_000 + 1}\r\n\r\n`);
    expect(statusLines(sized.text)).toEqual([413]);
    const before = (await state()).requests;
    const block = "x".repeat(0x100000);
    const chunk = `100000\r\n${block}\r\n`;
    const chunked = await raw(`${head}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(maxBodyMb + 1)}0\r\n\r\n`);
    expect(statusLines(chunked.text)).toEqual([413]);
    expect((await state()).requests).toBeLessThanOrEqual(before + 1);
  });

  test("a client that does not read stops the Worker from producing", async () => {
    const outgoing = platform().open(`${origin}/endless`);
    outgoing.end();
    const incoming = await response(outgoing);
    incoming.pause();
    // Produced while nobody reads: what fits into buffers on the way. It must come to rest.
    let before = -1;
    let now = (await state()).pulled;
    while (now !== before) {
      before = now;
      await new Promise((resolve) => setTimeout(resolve, 300));
      now = (await state()).pulled;
      expect(now * 65_536).toBeLessThan(64_000_000);
    }
    incoming.destroy();
  });

  test("an answer that breaks midway is a broken answer, not a short one", async () => {
    const outgoing = platform().open(`${origin}/break`);
    outgoing.end();
    const incoming = await response(outgoing);
    await expect(text(incoming)).rejects.toThrow(/aborted|ECONNRESET|hang up/);
  });

  test("an answer before the end of the request body reaches the client", async () => {
    const outgoing = platform().open(`${origin}/early`, { method: "POST" });
    outgoing.write("begun");
    const incoming = await response(outgoing);
    expect(await text(incoming)).toBe("early");
    outgoing.destroy();
  });

  test("Expect: 100-continue is answered before the body is sent", async () => {
    const outgoing = platform().open(`${origin}/echo`, {
      method: "POST",
      headers: { expect: "100-continue", "content-length": "4" },
    });
    outgoing.flushHeaders();
    // The head of the answer may come right behind.
    const answered = response(outgoing);
    await once(outgoing, "continue");
    outgoing.end("body");
    expect(await text(await answered)).toBe("body");
  });

  test("trailers of a chunked request do not disturb the next request", async () => {
    const { text: answers } = await raw(
      `POST /echo HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n4\r\nbody\r\n0\r\nX-Sum: 1\r\n\r\n` +
        `GET /after HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    );
    expect(statusLines(answers)).toEqual([200, 200]);
    expect(answers).toContain("path /after");
  });
});

describe("connections", () => {
  test("pipelined requests are answered in order", async () => {
    const get = (path: string, lines = "") => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${lines}\r\n`;
    const last = get("/third", "Connection: close\r\n");
    const { text: answers } = await raw(get("/sleep?ms=100") + get("/second") + last);
    expect(statusLines(answers)).toEqual([200, 200, 200]);
    expect(answers.indexOf("slept")).toBeLessThan(answers.indexOf("path /second"));
    expect(answers.indexOf("path /second")).toBeLessThan(answers.indexOf("path /third"));
  });

  test("HEAD has the head of GET and no body, and the connection goes on", async () => {
    const { text: answers } = await raw(
      `HEAD /zeros?bytes=5000 HTTP/1.1\r\nHost: ${host}\r\n\r\nGET /after HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    );
    expect(statusLines(answers)).toEqual([200, 200]);
    expect(answers).not.toContain("\0");
    expect(answers).toContain("path /after");
  });

  test("HTTP/1.0 and Connection: close end the connection", async () => {
    const old = await raw(`GET /old HTTP/1.0\r\nHost: ${host}\r\n\r\n`);
    expect(statusLines(old.text)).toEqual([200]);
    expect(old.text).not.toMatch(/transfer-encoding: chunked/i);
    expect(old.closed).toBe(true);
    const closing = await raw(`GET /x HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    expect(closing.closed).toBe(true);
  });

  test("a client that goes away aborts the request in the Worker", async () => {
    const before = await state();
    const outgoing = platform().open(`${origin}/abort`);
    outgoing.on("error", () => {});
    outgoing.end();
    await until((now) => now.requests === before.requests + 1);
    outgoing.destroy();
    await until((now) => now.aborted === before.aborted + 1);
  });

  test("waitUntil goes on after the answer", async () => {
    const before = await state();
    // Longer than it takes to ask, on a busy machine too.
    expect((await fetch("/background?ms=1500")).body).toBe("started");
    expect((await state()).background).toBe(before.background);
    await until((now) => now.background === before.background + 1);
  });

  test("a WebSocket echoes text and bytes, and closes with the code given", async () => {
    const socket = await RawWebSocket.open(platform().port, new URL(origin).hostname, "/websocket");
    expect(socket.status).toBe(101);
    socket.send("ünïcode");
    expect((await socket.next())?.payload.toString()).toBe("ünïcode");
    socket.send(Buffer.alloc(40_000, 7));
    const bytes = await socket.next();
    expect(bytes?.opcode).toBe(2);
    expect(bytes?.payload.equals(Buffer.alloc(40_000, 7))).toBe(true);
    socket.send("please close");
    const close = await socket.next();
    expect(close?.opcode).toBe(8);
    expect(close?.payload.readUInt16BE(0)).toBe(4001);
    socket.close(4001);
    expect(await socket.next()).toBeUndefined();
  });

  test("an upgrade that the Worker declines is an ordinary answer", async () => {
    const socket = await RawWebSocket.open(platform().port, new URL(origin).hostname, "/status?code=403");
    expect(socket.status).toBe(403);
    socket.socket.destroy();
  });

  test("an upgrade to an unknown Worker is refused", async () => {
    const socket = await RawWebSocket.open(
      platform().port,
      new URL(await platform().url("nobody")).hostname,
      "/websocket",
    );
    expect(socket.status).toBe(404);
    socket.socket.destroy();
  });
});

describe("heads", () => {
  test.each([200, 201, 204, 206, 304, 400, 404, 451, 500, 503])("status %i passes with its headers", async (code) => {
    const reply = await fetch(`/status?code=${code}`);
    expect(reply.status).toBe(code);
    expect(reply.headers["x-kept"]).toBe("yes");
    expect(reply.body).toBe([204, 304].includes(code) ? "" : `status ${code}`);
  });

  test("cookies stay apart, redirects are not followed", async () => {
    expect((await fetch("/cookies")).headers["set-cookie"]).toEqual(["a=1", "b=2; Path=/"]);
    const redirect = await fetch("/redirect");
    expect(redirect.status).toBe(302);
    expect(redirect.headers.location).toBe(`${origin}/state`);
  });

  test("the Worker sees the address as the client wrote it", async () => {
    const seen = (await fetch("/inspect?a=1&a=2&b=%20%C3%BC")).json() as { url: string; method: string };
    expect(seen.url).toBe(`${origin}/inspect?a=1&a=2&b=%20%C3%BC`);
    const secure = (await platform().fetch(`${secureOrigin}/inspect`)).json() as {
      url: string;
      headers: Record<string, string>;
    };
    expect(secure.url).toBe(`${secureOrigin}/inspect`);
    expect(JSON.parse(secure.headers["cf-visitor"] ?? "{}")).toEqual({ scheme: "https" });
    expect(secure.headers["x-forwarded-proto"]).toBe("https");
  });

  test("the platform's headers tell the truth, whatever the client claims", async () => {
    const forged = {
      "cf-connecting-ip": "1.2.3.4",
      "cf-ray": "forged",
      "cf-visitor": '{"scheme":"forged"}',
      "cf-ipcountry": "XX",
      "cf-blob": '{"asn":666,"country":"FORGED"}',
      "cf-worker": "forged.example",
      "x-real-ip": "1.2.3.4",
      "x-forwarded-proto": "forged",
      "x-forwarded-for": "1.2.3.4",
      "true-client-ip": "1.2.3.4",
    };
    const reply = await fetch("/inspect", { headers: forged });
    const { headers, cf } = reply.json() as { headers: Record<string, string>; cf: Record<string, unknown> };
    expect(headers["cf-connecting-ip"]).toBe("127.0.0.1");
    expect(headers["cf-ray"]).toMatch(/^[0-9a-f]{16}(-[A-Z]{3})?$/);
    expect(String(reply.headers["cf-ray"]).slice(0, 16)).toBe(headers["cf-ray"]?.slice(0, 16));
    expect(JSON.parse(headers["cf-visitor"] ?? "{}")).toEqual({ scheme: "http" });
    expect(headers["x-forwarded-proto"]).toBe("http");
    expect(headers["x-forwarded-for"]?.split(",").at(-1)?.trim()).toBe("127.0.0.1");
    expect(headers["x-real-ip"]).toBe("127.0.0.1");
    expect(headers).not.toHaveProperty("cf-blob");
    expect(JSON.stringify({ headers, cf }).toLowerCase()).not.toContain("forged");
    expect(cf.asn).not.toBe(666);
    expect(cf.colo).toEqual(expect.any(String));
    expect(cf.httpProtocol).toBe("HTTP/1.1");
  });

  test("two requests have two ray ids", async () => {
    const rays = [(await fetch("/")).headers["cf-ray"], (await fetch("/")).headers["cf-ray"]];
    expect(rays[0]).not.toBe(rays[1]);
  });

  test("headers that belong to one connection are not passed on", async () => {
    const { text: answer } = await raw(
      `GET /inspect HTTP/1.1\r\nHost: ${host}\r\nConnection: close, X-Hop\r\nX-Hop: secret\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nTE: trailers\r\n\r\n`,
    );
    expect(statusLines(answer)).toEqual([200]);
    expect(answer).not.toContain("secret");
    expect(answer).not.toMatch(/"(keep-alive|proxy-connection|te|connection)"/);
  });

  test("a Worker cannot speak for the platform", async () => {
    const reply = await fetch("/hints");
    expect(reply.headers.server).toBe("freehold");
    expect(reply.headers["cf-ray"]).not.toBe("forged");
    expect(reply.headers.date).toBeDefined();
  });

  test("host names are case-insensitive and may end in a dot", async () => {
    const { text: answers } = await raw(`GET /a HTTP/1.1\r\nHost: ${host.toUpperCase()}\r\nConnection: close\r\n\r\n`);
    expect(answers).toContain("path /a");
    const dotted = host.replace(":", ".:");
    expect((await raw(`GET /b HTTP/1.1\r\nHost: ${dotted}\r\nConnection: close\r\n\r\n`)).text).toContain("path /b");
  });

  test("a long address and long headers are refused with their own codes", async () => {
    const fits = await raw(
      `GET /${"u".repeat(15_000)} HTTP/1.1\r\nHost: ${host}\r\nX-Long: ${"h".repeat(60_000)}\r\nConnection: close\r\n\r\n`,
    );
    expect(statusLines(fits.text)).toEqual([200]);
    expect(statusLines((await raw(`GET /${"u".repeat(17_000)} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)).text)).toEqual([
      414,
    ]);
    expect(
      statusLines((await raw(`GET / HTTP/1.1\r\nHost: ${host}\r\nX-Long: ${"h".repeat(140_000)}\r\n\r\n`)).text),
    ).toEqual([431]);
  });
});

describe("error pages", () => {
  test.each(["/throw", "/reject", "/not-a-response", "/hang"])(
    "%s is error 1101 in the form that the client wants",
    async (path) => {
      const html = await fetch(path, { headers: { accept: "text/html,*/*;q=0.8" } });
      const json = await fetch(path, { headers: { accept: "application/json" } });
      const plain = await fetch(path, { headers: { accept: "*/*" } });
      for (const reply of [html, json, plain]) {
        expect(reply.status).toBe(500);
        expect(reply.body).toContain("1101");
        expect(reply.body).toContain(String(reply.headers["cf-ray"]).slice(0, 16));
        expect(reply.body).not.toMatch(/very private detail|workerd|\.sock|node_modules|^\s+at .*:\d+:\d+/m);
        expect(reply.headers["cache-control"]).toMatch(/no-store/);
      }
      expect(html.headers["content-type"]).toContain("text/html");
      expect(html.body).toMatch(/^<!doctype html>/i);
      expect(json.headers["content-type"]).toContain("application/json");
      expect(json.json()).toBeTypeOf("object");
      expect(plain.headers["content-type"]).toContain("text/plain");
    },
  );

  test("a Worker's own 500 is its own", async () => {
    expect((await fetch("/status?code=500")).body).toBe("status 500");
  });

  test("hosts that nobody serves are answered with 404", async () => {
    const reply = await platform().fetch(await platform().url("nobody"), { headers: { accept: "text/html" } });
    expect(reply.status).toBe(404);
    expect(reply.headers["content-type"]).toContain("text/html");
    const foreign = await raw("GET / HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n");
    expect(statusLines(foreign.text)[0]).toBeGreaterThanOrEqual(400);
    expect(foreign.text).not.toContain("path /");
  });

  test("what is reflected in a page is escaped", async () => {
    const { text: page } = await raw(
      'GET / HTTP/1.1\r\nHost: "><script>alert(1)</script>.localhost\r\nAccept: text/html\r\nConnection: close\r\n\r\n',
    );
    expect(page).not.toContain("<script>alert(1)");
  });
});

describe("smuggling", () => {
  const smuggled = `GET /smuggled HTTP/1.1\r\nHost: {host}\r\n\r\n`;
  const post = (lines: string[], body: string) =>
    `POST /carrier HTTP/1.1\r\nHost: {host}\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n${body}`;

  test.each([
    [
      "Content-Length and Transfer-Encoding",
      post([`Content-Length: 4`, "Transfer-Encoding: chunked"], `0\r\n\r\n${smuggled}`),
    ],
    ["two different lengths", post(["Content-Length: 0", "Content-Length: 60"], smuggled)],
    ["a list of lengths", post(["Content-Length: 0, 60"], smuggled)],
    ["a length with a sign", post(["Content-Length: +0"], smuggled)],
    ["a negative length", post(["Content-Length: -1"], smuggled)],
    ["a hexadecimal length", post(["Content-Length: 0x10"], smuggled)],
    ["a length beyond 2^64", post(["Content-Length: 99999999999999999999999"], smuggled)],
    ["an unknown coding", post(["Transfer-Encoding: xchunked"], `0\r\n\r\n${smuggled}`)],
    ["chunked that is not last", post(["Transfer-Encoding: chunked, identity"], `0\r\n\r\n${smuggled}`)],
    ["chunked twice", post(["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], `0\r\n\r\n${smuggled}`)],
    ["a space before the colon", post(["Transfer-Encoding : chunked"], `0\r\n\r\n${smuggled}`)],
    ["obsolete folding", post(["X-A: b\r\n Transfer-Encoding: chunked"], `0\r\n\r\n${smuggled}`)],
    ["a header without a colon", post(["Transfer-Encoding chunked"], `0\r\n\r\n${smuggled}`)],
    ["a chunk size that is not a number", post(["Transfer-Encoding: chunked"], `zz\r\n\r\n${smuggled}`)],
    ["a chunk longer than its size", post(["Transfer-Encoding: chunked"], `1\r\nabc\r\n0\r\n\r\n${smuggled}`)],
    ["a chunk size beyond 2^64", post(["Transfer-Encoding: chunked"], `fffffffffffffffff\r\n\r\n${smuggled}`)],
    ["a chunk ended by a line feed alone", post(["Transfer-Encoding: chunked"], `1\na\n0\n\n${smuggled}`)],
    ["a carriage return within a header", post(["X-A: b\rTransfer-Encoding: chunked"], smuggled)],
    ["a NUL in a header", post(["X-A: b\0c"], smuggled)],
    ["no Host", `GET /carrier HTTP/1.1\r\n\r\n${smuggled}`],
    ["two Hosts", `GET /carrier HTTP/1.1\r\nHost: {host}\r\nHost: other.localhost\r\n\r\n${smuggled}`],
    ["a method that is not a token", `G(T /carrier HTTP/1.1\r\nHost: {host}\r\n\r\n${smuggled}`],
    ["a version that is none", `GET /carrier HTTP/9.9\r\nHost: {host}\r\n\r\n${smuggled}`],
    ["a space in the path", `GET /carrier x HTTP/1.1\r\nHost: {host}\r\n\r\n${smuggled}`],
  ])("%s: refused, and nothing behind it is read as a request", async (_what, bytes) => {
    const { text: answers, closed } = await raw(bytes.replaceAll("{host}", host));
    expect((await state()).paths).not.toContain("/smuggled");
    const statuses = statusLines(answers);
    expect(statuses.length).toBeLessThanOrEqual(1);
    for (const status of statuses) expect([400, 413, 431, 501, 505]).toContain(status);
    expect(closed).toBe(true);
  });

  test("CONNECT and TRACE are refused", async () => {
    for (const method of ["CONNECT", "TRACE"]) {
      const { text: answer } = await raw(`${method} / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      expect(statusLines(answer)[0] ?? 400).toBeGreaterThanOrEqual(400);
    }
  });

  test("an absolute address is routed by that address", async () => {
    const { text: answer } = await raw(
      `GET http://${host}/absolute HTTP/1.1\r\nHost: other.localhost\r\nConnection: close\r\n\r\n`,
    );
    // RFC 9112 3.2.2: the target wins over Host; a refusal is as safe.
    expect(answer.includes("path /absolute") || (statusLines(answer)[0] ?? 0) >= 400).toBe(true);
  });

  test("after all this an ordinary request works", async () => {
    expect((await fetch("/fine")).body).toBe("path /fine");
  });
});
