import type { Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import type { AcquireReply, Cause, Unavailable } from "../domain/messages.ts";
import { Cleanup, rawUpstream } from "../lib/http/testing.ts";
import { address, script, snapshot, socketPath, startEdge, startServer } from "./testing.ts";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const HOST = "hello.acc.localhost";
const GET = `GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`;
const EXCEPTION =
  "HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\nContent-Length: 21\r\n\r\nInternal Server Error";

/** A promise and the function that settles it. */
function gate<T = void>() {
  let open: (value: T) => void = () => {};
  const opened = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

/** A runner whose connections are served by `serve`. */
async function rawRunner(serve: (socket: Socket) => void): Promise<string> {
  const path = await socketPath(cleanup);
  await rawUpstream(cleanup, path, serve);
  return path;
}

describe("finding the runner", () => {
  test("concurrent misses ask once, later requests not at all", async () => {
    const path = await socketPath(cleanup);
    await startServer(cleanup, path, true, (_request, response) => response.end("hi"));
    const started = gate();
    let asked = 0;
    const edge = await startEdge(cleanup, {
      acquire: async (versionId) => {
        asked++;
        await started.opened;
        return address(versionId, path);
      },
    });
    const waiting = [edge.get(HOST), edge.get(HOST), edge.get(HOST)];
    await expect.poll(() => asked).toBe(1);
    started.open();
    for (const { status, body } of await Promise.all(waiting)) expect([status, body]).toEqual([200, "hi"]);
    expect((await edge.get(HOST)).body).toBe("hi");
    expect(asked).toBe(1);
  });

  test("a body sent while the runner starts arrives whole", async () => {
    const path = await socketPath(cleanup);
    await startServer(cleanup, path, true, (request, response) => request.pipe(response));
    const started = gate();
    const edge = await startEdge(cleanup, {
      acquire: async (versionId) => {
        await started.opened;
        return address(versionId, path);
      },
    });
    const body = "x".repeat(300_000);
    const client = edge.client();
    client.send(`POST / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n`);
    client.send(body);
    await new Promise((resolve) => client.socket.once("drain", resolve));
    started.open();
    expect((await client.toEnd()).split("x").length - 1).toBe(body.length);
  });

  const unavailable: [Unavailable, number, string][] = [
    ["missing", 404, "error 1042"],
    ["startup-failed", 500, "error 1101"],
    ["crash-loop", 503, "crash loop"],
    ["overloaded", 503, "error 1105"],
  ];
  test.each(unavailable)("%s", async (reason, status, text) => {
    const edge = await startEdge(cleanup, { acquire: async () => ({ unavailable: reason, message: "secret" }) });
    const page = await edge.get(HOST);
    expect(page.status).toBe(status);
    expect(page.body).toContain(text);
    expect(page.body).not.toContain("secret");
  });

  test("a supervisor that fails is no reason to hang", async () => {
    const edge = await startEdge(cleanup, { acquire: () => Promise.reject(new Error("gone")) });
    expect((await edge.get(HOST)).status).toBe(503);
  });

  test("a runner that cannot be reached has not seen the request: another gets it", async () => {
    const path = await socketPath(cleanup);
    await startServer(cleanup, path, true, (request, response) => request.pipe(response));
    let asked = 0;
    const edge = await startEdge(cleanup, {
      acquire: async (versionId) => address(versionId, ++asked < 3 ? `${path}.none` : path),
      verdict: () => Promise.reject(new Error("not asked")),
    });
    const client = edge.client();
    client.send(`POST / HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 4\r\n\r\nbody`);
    await client.has("body");
    expect(asked).toBe(3);
  });

  test("one that stays unreachable is given up", async () => {
    const path = await socketPath(cleanup);
    const edge = await startEdge(cleanup, { acquire: async (versionId) => address(versionId, path) });
    expect((await edge.get(HOST)).body).toContain("error 1105");
  });

  test("a client that left while it started costs nothing", async () => {
    let connections = 0;
    const path = await rawRunner(() => connections++);
    const started = gate<AcquireReply>();
    const asked = gate();
    const edge = await startEdge(cleanup, {
      acquire: () => {
        asked.open();
        return started.opened;
      },
    });
    const client = edge.client().send(GET);
    await asked.opened;
    client.socket.destroy();
    await new Promise((resolve) => client.socket.once("close", resolve));
    const other = await edge.get("localhost");
    expect(other.status).toBe(503);
    started.open(address("hello-v1", path));
    await started.opened;
    await edge.get("localhost");
    expect(connections).toBe(0);
  });
});

describe("why a request failed", () => {
  const lost: [Cause, number, string][] = [
    ["cpu", 503, "error 1102"],
    ["memory", 503, "error 1102"],
    ["crash", 503, "error 1105"],
    ["none", 500, "error 1101"],
  ];
  test.each(lost)("connection lost: %s", async (cause, status, text) => {
    const path = await rawRunner((socket) => socket.on("data", () => socket.destroy()));
    const asked: string[] = [];
    const edge = await startEdge(cleanup, {
      acquire: async (versionId) => address(versionId, path, "i-lost"),
      verdict: async (instanceId) => {
        asked.push(instanceId);
        return cause;
      },
    });
    const page = await edge.get(HOST);
    expect([page.status, page.body]).toEqual([status, expect.stringContaining(text)]);
    expect(asked).toEqual(["i-lost"]);
  });

  const thrown: [Cause, number, string][] = [
    ["none", 500, "error 1101"],
    ["memory", 503, "error 1102"],
    ["cpu", 503, "error 1102"],
    ["crash", 503, "error 1105"],
  ];
  test.each(thrown)("the runtime's own 500: %s", async (cause, status, text) => {
    const path = await rawRunner((socket) => socket.on("data", () => socket.end(EXCEPTION)));
    const edge = await startEdge(cleanup, {
      acquire: async (versionId) => address(versionId, path),
      verdict: async () => cause,
    });
    const page = await edge.get(HOST);
    expect([page.status, page.body]).toEqual([status, expect.stringContaining(text)]);
    expect(page.body).not.toContain("Internal Server Error");
  });

  test("no answer before the verdict, and all that wait share it", async () => {
    const path = await rawRunner((socket) => socket.on("data", () => socket.destroy()));
    const verdict = gate<Cause>();
    let asked = 0;
    const edge = await startEdge(cleanup, {
      acquire: async (versionId) => address(versionId, path),
      verdict: () => {
        asked++;
        return verdict.opened;
      },
    });
    const clients = [edge.client().send(GET), edge.client().send(GET)];
    await expect.poll(() => asked).toBe(1);
    expect(clients.map((client) => client.received)).toEqual(["", ""]);
    verdict.open("cpu");
    for (const client of clients) await client.has("error 1102");
    expect(asked).toBe(1);
  });

  test("a verdict that does not come is not waited for long", async () => {
    const path = await rawRunner((socket) => socket.on("data", () => socket.destroy()));
    const edge = await startEdge(cleanup, {
      acquire: async (versionId) => address(versionId, path),
      verdict: () => new Promise(() => {}),
    });
    expect((await edge.get(HOST)).body).toContain("error 1105");
  });

  test("the connection goes on after an exception", async () => {
    const path = await rawRunner((socket) => socket.on("data", () => socket.end(EXCEPTION)));
    const edge = await startEdge(cleanup, { acquire: async (versionId) => address(versionId, path) });
    const client = edge.client();
    await client.send(GET).has("error 1101");
    await client.send(GET + GET).has("error 1101", 3);
    expect(client.ended).toBe(false);
  });

  test("an answer that is no HTTP", async () => {
    const path = await rawRunner((socket) => socket.on("data", () => socket.end("nonsense\r\n\r\n")));
    const edge = await startEdge(cleanup, { acquire: async (versionId) => address(versionId, path) });
    expect((await edge.get(HOST)).body).toContain("error 502");
  });

  test("user code may answer 500, and close", async () => {
    const path = await socketPath(cleanup);
    await startServer(cleanup, path, true, (_request, response) => {
      response.writeHead(500, { connection: "close", "content-length": 4 }).end("mine");
    });
    const edge = await startEdge(cleanup, { acquire: async (versionId) => address(versionId, path) });
    expect(await edge.get(HOST)).toMatchObject({ status: 500, body: "mine" });
  });

  test("what the runtime itself refuses gets our page", async () => {
    const answer = "HTTP/1.1 501 Not Implemented\r\nConnection: close\r\nContent-Length: 8\r\n\r\ninternal";
    const path = await rawRunner((socket) => socket.on("data", () => socket.end(answer)));
    const edge = await startEdge(cleanup, { acquire: async (versionId) => address(versionId, path) });
    const page = await edge.get(HOST);
    expect([page.status, page.body]).toEqual([501, expect.stringContaining("error 501")]);
    expect(page.body).not.toContain("internal");
  });
});

describe("the supervisor's calls", () => {
  /** A runner that answers when told, and the edge in front of it. */
  async function held() {
    const arrived = gate<Socket>();
    const path = await rawRunner((socket) => socket.once("data", () => arrived.open(socket)));
    let instance = 0;
    const edge = await startEdge(cleanup, {
      acquire: async (versionId) => address(versionId, path, `i${++instance}`),
      verdict: () => new Promise(() => {}),
    });
    const client = edge.client().send(GET);
    return { ...edge, client, socket: await arrived.opened, acquired: () => instance };
  }

  test("release waits for what is in flight, and new requests ask anew", async () => {
    const { edge, client, socket, get, acquired } = await held();
    let released = false;
    const releasing = edge.runners.release("i1", false).then((result) => {
      released = true;
      return result;
    });
    const next = get(HOST);
    await expect.poll(acquired).toBe(2);
    expect(released).toBe(false);
    socket.end("HTTP/1.1 200 OK\r\nserver: freehold\r\nContent-Length: 2\r\n\r\nok");
    await client.has("ok");
    expect(await releasing).toBe(true);
    edge.runners.gone("i2", "crash");
    expect((await next).body).toContain("error 1105");
  });

  test("release of an idle one only changes nothing when it is busy", async () => {
    const { edge, client, socket, acquired } = await held();
    expect(await edge.runners.release("i1", true)).toBe(false);
    socket.write("HTTP/1.1 200 OK\r\nserver: freehold\r\nContent-Length: 2\r\n\r\nok");
    await client.has("ok");
    socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\nserver: freehold\r\nContent-Length: 2\r\n\r\nok"));
    await client.send(GET).has("ok", 2);
    expect(acquired()).toBe(1);
    expect(await edge.runners.release("i1", true)).toBe(true);
    client.send(GET);
    await expect.poll(acquired).toBe(2);
  });

  test("release counts a WebSocket as in flight", async () => {
    const { edge, client, socket } = await held();
    socket.write("HTTP/1.1 200 OK\r\nserver: freehold\r\nContent-Length: 0\r\n\r\n");
    await client.has("200 OK");
    socket.on("end", () => socket.end());
    socket.once("data", () => socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"));
    await client.send(`${GET.slice(0, -2)}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`).has("101 ");
    expect(await edge.runners.release("i1", true)).toBe(false);
    const releasing = edge.runners.release("i1", false);
    client.socket.destroy();
    expect(await releasing).toBe(true);
  });

  test("an instance that is released before it is named is not used", async () => {
    const path = await socketPath(cleanup);
    await startServer(cleanup, path, true, (_request, response) => response.end("here"));
    const asked: string[] = [];
    const { edge, get } = await startEdge(cleanup, {
      acquire: async (versionId) => {
        const instanceId = `i${asked.push(versionId)}`;
        if (instanceId === "i1") await edge.runners.release(instanceId, false);
        return address(versionId, path, instanceId);
      },
    });
    expect((await get(HOST)).body).toBe("here");
    expect(asked).toHaveLength(2);
    expect(await edge.runners.release("i2", true)).toBe(true);
  });

  test("release of an unknown instance is done already", async () => {
    const { edge } = await startEdge(cleanup, {});
    expect(await edge.runners.release("nobody", false)).toBe(true);
    expect(await edge.runners.release("nobody", true)).toBe(true);
  });

  test("gone fails what is in flight with its cause, asking nobody", async () => {
    const { edge, client } = await held();
    edge.runners.gone("i1", "memory");
    await client.has("error 1102");
  });
});

describe("routes", () => {
  test("a new snapshot holds from the next request on", async () => {
    const path = await socketPath(cleanup);
    await startServer(cleanup, path, true, (_request, response) => response.end("here"));
    const edge = await startEdge(cleanup, { acquire: async (versionId) => address(versionId, path) });
    const client = edge.client();
    const request = GET.replace("hello", "other");
    await client.send(request).has("error 1042");
    await edge.route(snapshot(script("other")));
    await client.send(request).has("here");
    expect((await edge.get(HOST)).status).toBe(404);
  });

  test("pages follow the Accept header", async () => {
    const edge = await startEdge(cleanup, {});
    const html = await edge.get("none.acc.localhost", "/", "Accept: text/html,application/xhtml+xml\r\n");
    expect([html.status, html.body]).toEqual([404, expect.stringMatching(/^<!doctype html>/)]);
    const json = await edge.get("none.acc.localhost", "/", "Accept: application/json\r\n");
    expect(JSON.parse(json.body).error.code).toBe(1042);
    expect((await edge.get("none.acc.localhost", "/", "Accept: */*\r\n")).body).toMatch(/^error 1042/);
    expect(html.head).toContain("Cache-Control: no-store");
  });

  test("bad requests get a page that says why", async () => {
    const edge = await startEdge(cleanup, {});
    const client = edge.client().send("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
    expect(await client.toEnd()).toContain("more than one Host");
  });

  test("a request refused midway keeps the ray id that the Worker has seen", async () => {
    let ray = "";
    const path = await socketPath(cleanup);
    await startServer(cleanup, path, true, (request) => {
      ray = String(request.headers["cf-ray"]);
    });
    const edge = await startEdge(cleanup, { acquire: async (versionId) => address(versionId, path) });
    const client = edge.client().send(`POST / HTTP/1.1\r\nHost: ${HOST}\r\nTransfer-Encoding: chunked\r\n\r\n`);
    await expect.poll(() => ray).not.toBe("");
    expect(await client.send("broken").toEnd()).toContain(`CF-Ray: ${ray}`);
  });

  test("a body above the limit is refused before it is sent", async () => {
    const edge = await startEdge(cleanup, { acquire: async (versionId) => address(versionId, "/nowhere") });
    const client = edge.client();
    client.send(`POST / HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 1000001\r\n\r\n`);
    expect(await client.toEnd()).toContain("error 413");
  });
});

describe("the API host", () => {
  test("goes to control, with the client's address", async () => {
    const edge = await startEdge(cleanup, {});
    await startServer(cleanup, edge.controlSocket, false, (request, response) => {
      response.end(JSON.stringify([request.url, request.headers]));
    });
    const { body } = await edge.get("localhost:8787", "/client/v4/user?x=1", "X-Forwarded-For: 6.6.6.6\r\n");
    const [url, headers] = JSON.parse(body);
    expect(url).toBe("/client/v4/user?x=1");
    expect(headers).toMatchObject({
      host: "localhost:8787",
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-proto": "http",
    });
    expect(headers).not.toHaveProperty("cf-blob");
  });

  test("without a control process: an envelope, a page, a line", async () => {
    const edge = await startEdge(cleanup, {});
    const api = await edge.get("localhost", "/client/v4/accounts", "Accept: text/html\r\n");
    expect(api.status).toBe(503);
    expect(api.head).toContain("Retry-After: 1");
    expect(JSON.parse(api.body)).toEqual({
      success: false,
      result: null,
      messages: [],
      errors: [{ code: 10001, message: expect.any(String) }],
    });
    const page = await edge.get("127.0.0.1", "/", "Accept: text/html\r\n");
    expect([page.status, page.body]).toEqual([503, expect.stringContaining("control plane")]);
    const ready = await edge.get("localhost", "/ready", "Accept: text/html\r\n");
    expect([ready.status, ready.head]).toEqual([503, expect.stringContaining("text/plain")]);
  });

  test("HTTP/1.0 without a host means the API", async () => {
    const edge = await startEdge(cleanup, {});
    await startServer(cleanup, edge.controlSocket, false, ({ headers }, response) => response.end(headers.host));
    expect(await edge.client().send("GET /ready HTTP/1.0\r\n\r\n").toEnd()).toMatch(/\r\n\r\nlocalhost$/);
  });

  test("OPTIONS for the server as a whole is answered here", async () => {
    const edge = await startEdge(cleanup, {});
    const raw = edge.client().send("OPTIONS * HTTP/1.1\r\nHost: hello.acc.localhost\r\nConnection: close\r\n\r\n");
    expect(await raw.toEnd()).toMatch(/^HTTP\/1.1 204 No Content\r\nAllow: GET, /);
  });
});
