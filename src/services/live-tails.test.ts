import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { OpenTail } from "../domain/live-tail.ts";
import type { SilentRunner } from "../domain/silent-runners.ts";
import type { TraceItem, TraceSource } from "../domain/trace.ts";
import { Cleanup, RawClient } from "../lib/http/testing.ts";
import { MAX_SESSIONS_PER_ACCOUNT, MAX_SESSIONS_PER_SCRIPT } from "../observe/live/limits.ts";
import { TailSessions } from "../observe/live/sessions.ts";
import { LiveTails } from "./live-tails.ts";

const cleanup = new Cleanup();
const OF = { accountId: "a", script: "hello" };
const SOURCE: TraceSource = { ...OF, versionId: "v1", versionTag: "" };
/** As `wrangler tail` sends it: without a mask. */
const FIRST_FRAME = '\x81\x0f{"debug":false}';

let path: string;
let sessions: TailSessions;
let silent: SilentRunner[] = [];
const changed = vi.fn(async () => silent);

beforeEach(async () => {
  changed.mockClear();
  path = join(await cleanup.directory(), "tails.sock");
  sessions = new TailSessions({ changed, lifeMs: 3_600_000 });
  const tails = new LiveTails(sessions);
  await tails.listen(path);
  cleanup.add(() => tails.close());
});
afterEach(async () => {
  vi.useRealTimers();
  await cleanup.run();
});

const open = async (wanted: OpenTail = { filters: [] }, of = OF) => (await sessions.open(of, wanted))!;

function handshake(secret: string, protocol = "trace-v1"): RawClient {
  const client = new RawClient({ path });
  cleanup.add(() => client.socket.destroy());
  return client.send(
    `GET /client/v4/tails/${secret} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
      `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: ${protocol}\r\n` +
      "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
  );
}

async function connect(secret: string): Promise<RawClient> {
  const client = handshake(secret);
  await client.has("\r\n\r\n");
  expect(client.received).toMatch(/^HTTP\/1.1 101 /);
  return client;
}

function item(parts: Partial<TraceItem> = {}): TraceItem {
  return { outcome: "ok", event: null, logs: [], exceptions: [], eventTimestamp: 1, ...parts } as TraceItem;
}

describe("a session", () => {
  test("answers the handshake with its sub-protocol and no extension, and sends a message for each invocation", async () => {
    const { secret } = await open();
    const client = await connect(secret);
    expect(client.received).toContain("Sec-WebSocket-Protocol: trace-v1\r\n");
    expect(client.received).toContain("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n");
    expect(client.received).not.toMatch(/extensions/i);
    client.send(FIRST_FRAME);
    sessions.take({ ...SOURCE, versionTag: "v2.0" }, [item(), item({ outcome: "exception" })]);
    await client.has('"outcome":"exception"');
    const message =
      '{"outcome":"ok","scriptName":"hello","scriptVersion":{"id":"v1","tag":"v2.0"},"exceptions":[],"logs":[],"eventTimestamp":1,"event":null}';
    expect(client.received).toContain(message);
  });

  test("keeps what happens before its WebSocket comes", async () => {
    const { secret } = await open({ filters: [], scriptName: "shown" });
    sessions.take(SOURCE, [item({ outcome: "early" })]);
    const client = await connect(secret);
    await client.has('"outcome":"early"');
    expect(client.received).toContain('"scriptName":"shown"');
  });

  test("is told of versions that go on serving without it, whatever its filters are", async () => {
    silent = [{ ...OF, versionId: "v7", why: "Uncaught Error: not today", since: "" }];
    const client = await connect((await open({ filters: [{ outcome: ["exception"] }] })).secret);
    await client.has("minute, and when another session begins.");
    expect(client.received).toMatch(
      /"logs":\[\{"level":"warn","message":\["What version v7 of \\"hello\\" does is not shown.*not today/,
    );
    silent = [];
  });

  test("answers a ping with its payload", async () => {
    const client = await connect((await open()).secret);
    client.send(`${FIRST_FRAME}\x89\x92\0\0\0\0wrangler tail ping`);
    await client.has("\x8a\x12wrangler tail ping");
  });

  test("sends only what its filters let through, unless it is to say what they keep out", async () => {
    const { secret } = await open({ filters: [{ outcome: ["exception"] }] });
    const client = await connect(secret);
    sessions.take(SOURCE, [item({ outcome: "ok" }), item({ outcome: "exception" })]);
    await client.has('"outcome":"exception"');
    expect(client.received).not.toContain('"outcome":"ok"');
    const other = await connect((await open({ filters: [{ outcome: ["exception"] }] })).secret);
    other.send('\x81\x0e{"debug":true}\x89\x00');
    await other.has("\x8a\x00");
    sessions.take(SOURCE, [item({ outcome: "ok" })]);
    await other.has('"blockedBy":{"outcome":["exception"]}');
  });

  test("hears nothing of other scripts and accounts", async () => {
    const client = await connect((await open()).secret);
    sessions.take({ ...SOURCE, script: "other" }, [item({ outcome: "theirs" })]);
    sessions.take({ ...SOURCE, accountId: "b" }, [item({ outcome: "theirs" })]);
    sessions.take(SOURCE, [item({ outcome: "ours" })]);
    await client.has('"outcome":"ours"');
    expect(client.received).not.toContain("theirs");
  });

  test("ends with 1000 when it is deleted, and when its time is over", async () => {
    const first = await open();
    const second = await open();
    const clients = [await connect(first.secret), await connect(second.secret)];
    await sessions.close(OF, first.id);
    await clients[0]!.has("\x88\x18\x03\xe8The session was ended.");
    expect(clients[1]!.received).not.toContain("\x88");
    sessions.tick(second.expiresMs);
    await clients[1]!.has("\x88\x1d\x03\xe8The session's time is over.");
    expect(sessions.list(OF)).toEqual([]);
  });

  test("makes way for another that replaces it", async () => {
    const client = await connect((await open()).secret);
    await open({ filters: [], replace: true });
    await client.has("\x03\xe8Another session has begun.");
    expect(sessions.list(OF)).toHaveLength(1);
  });

  test("without a client ends by itself, and one with its client's connection", async () => {
    await open();
    const client = await connect((await open()).secret);
    sessions.tick(Date.now() + 70_000);
    expect(sessions.list(OF)).toHaveLength(1);
    client.socket.destroy();
    await vi.waitFor(() => expect(sessions.list(OF)).toEqual([]));
    expect(changed.mock.lastCall).toEqual([[], undefined]);
  });

  test("whose client does not answer is let go", async () => {
    const client = await connect((await open()).secret);
    sessions.tick(Date.now() + 20_000);
    await client.has("\x89\x00");
    sessions.tick(Date.now() + 40_000);
    await client.until(({ closed }) => closed);
  });

  test("of which the services process ends tells its client to come again", async () => {
    const client = await connect((await open()).secret);
    sessions.closeAll();
    await client.has("\x03\xe9The platform restarts.");
  });

  test("shows a sample to a client that cannot take all, and says so", async () => {
    const client = await connect((await open()).secret);
    client.socket.pause();
    const log = [{ level: "log" as const, message: ["x".repeat(10_000)], timestamp: 0 }];
    for (let count = 0; count < 5_000; count++) sessions.take(SOURCE, [item({ logs: log })]);
    client.socket.resume();
    await client.has('"type":"overload"');
    expect(client.received.length).toBeLessThan(12_000_000);
    sessions.tick(Date.now() + 2_000);
    sessions.tick(Date.now() + 4_000);
    await client.has('"type":"overload-stop"');
    const [overload] = /\{"outcome":"ok"[^}]*"event":\{"type":"overload".*?\}\}/.exec(client.received) ?? [];
    expect(JSON.parse(overload!)).toMatchObject({ logs: [], exceptions: [], scriptName: "hello" });
  });
});

describe("scripts", () => {
  test("have ten sessions", async () => {
    for (let count = 0; count < MAX_SESSIONS_PER_SCRIPT; count++) expect(await open()).toBeDefined();
    expect(await sessions.open(OF, { filters: [] })).toBeUndefined();
    expect(await sessions.open({ ...OF, script: "other" }, { filters: [] })).toBeDefined();
  });

  test("of one account have a hundred sessions together, and those of others still get theirs", async () => {
    for (let count = 0; count < MAX_SESSIONS_PER_ACCOUNT; count++)
      expect(await open({ filters: [] }, { ...OF, script: `s${count}` })).toBeDefined();
    expect(await sessions.open(OF, { filters: [] })).toBeUndefined();
    expect(await sessions.open({ ...OF, accountId: "b" }, { filters: [] })).toBeDefined();
  });

  test("are named as long as they have sessions", async () => {
    const first = await open();
    const second = await open();
    await open({ filters: [] }, { accountId: "b", script: "other" });
    const both = [OF, { accountId: "b", script: "other" }];
    expect(changed.mock.calls).toEqual([
      [[OF], OF],
      [[OF], OF],
      [both, both[1]],
    ]);
    await sessions.close(OF, first.id);
    await sessions.close(OF, second.id);
    expect(changed.mock.lastCall).toEqual([both.slice(1), undefined]);
    await sessions.close(OF, second.id);
  });
});

describe("a handshake", () => {
  test.each([
    ["an unknown session", async () => handshake("x".repeat(43)), "404 Not Found"],
    ["another sub-protocol", async () => handshake((await open()).secret, "other"), "400 Bad Request"],
    [
      "a session that is taken",
      async () => {
        const { secret } = await open();
        await connect(secret);
        return handshake(secret);
      },
      "409 Conflict",
    ],
  ])("of %s is refused", async (_what, begin, status) => {
    expect(await (await begin()).toEnd()).toMatch(new RegExp(`^HTTP/1.1 ${status}\r\n`));
  });

  test("is what it takes", async () => {
    const client = new RawClient({ path }).send("GET /client/v4/tails/x HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(await client.toEnd()).toMatch(/^HTTP\/1.1 426 /);
  });
});
