import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { signAccess } from "../domain/access.ts";
import type { RoutedScript } from "../domain/routing.ts";
import { Cleanup } from "../lib/http/testing.ts";
import { signClaims } from "../lib/signed-token.ts";
import { address, script, snapshot, socketPath, startEdge, startServer, type TestEdge } from "./testing.ts";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const HOST = "hello.acc.localhost";
const PREVIEW = `next-${HOST}`;
const KEY = Buffer.alloc(32, 7);
const MINUTE_MS = 60_000;

let edge: TestEdge;
let scriptId: string;
beforeEach(async () => {
  const path = await socketPath(cleanup);
  await startServer(cleanup, path, true, (request, response) =>
    response.end(JSON.stringify({ url: request.url, ...request.headers })),
  );
  edge = await startEdge(cleanup, { acquire: async (versionId) => address(versionId, path) });
  await writeFile(join(edge.directory, "access.key"), KEY.toString("hex"));
  scriptId = script("hello").id;
  await protect({ scope: "previews", epoch: 3 });
});

async function protect(protection: RoutedScript["protection"], key = KEY): Promise<void> {
  await writeFile(join(edge.directory, "access.key"), key.toString("hex"));
  await edge.route(snapshot(script("hello", { aliases: { next: "hello-v1" }, ...(protection && { protection }) })));
}

const token = (parts: Partial<{ scriptId: string; epoch: number; key: Buffer; at: number; seconds: number }> = {}) => {
  const { key = KEY, at = Date.now(), seconds = 600, ...target } = parts;
  return signAccess(key, { scriptId, epoch: 3, ...target }, at, seconds);
};
const status = async (host: string, fields = "", path = "/") => (await edge.get(host, path, fields)).status;
const cookie = (value: string) => `Cookie: freehold_access=${value}\r\n`;

describe("what is protected", () => {
  test("previews only", async () => {
    expect(await status(PREVIEW)).toBe(401);
    expect(await status(HOST)).toBe(200);
  });

  test("all", async () => {
    await protect({ scope: "all", epoch: 0 });
    expect(await status(PREVIEW)).toBe(401);
    expect(await status(HOST)).toBe(401);
  });

  test("nothing by default", async () => {
    await protect(undefined);
    expect(await status(PREVIEW)).toBe(200);
  });

  test("without the key nobody is let in", async () => {
    const other = await startEdge(cleanup, {}, snapshot(script("hello", { protection: { scope: "all", epoch: 3 } })));
    expect((await other.get(HOST, "/", cookie(token()))).status).toBe(401);
  });
});

test("named previews are protected as their Worker is, by the same tokens", async () => {
  const preview = script("hello--login", { previewOf: { scriptId, slug: "login" } });
  const protection = { scope: "previews", epoch: 3 } as const;
  await edge.route(snapshot(script("hello", { protection }), preview));
  expect(await status(`login-${HOST}`)).toBe(401);
  expect(await status(`login-${HOST}`, cookie(token()))).toBe(200);
});

test("the page says what to do, and a body that came with the request does no harm", async () => {
  const { head, body } = await edge.get(PREVIEW);
  expect(body).toContain("freehold access <worker>");
  expect(head).toMatch(/^www-authenticate: Bearer realm="freehold"$/im);
  expect(head).toMatch(/^x-robots-tag: noindex$/im);
  const client = edge.client();
  client.send(`POST / HTTP/1.1\r\nHost: ${PREVIEW}\r\nContent-Length: 4\r\n\r\nbody`);
  await client.has("error 401");
  await client.send(`GET / HTTP/1.1\r\nHost: ${PREVIEW}\r\n${cookie(token())}\r\n`).has("HTTP/1.1 200");
});

test("what is let in is for one visitor: no shared cache may keep it, and nothing else is marked so", async () => {
  const cacheControl = async (host: string) => {
    const { head } = await edge.get(host, "/", cookie(token()));
    return [...head.matchAll(/^cache-control: (.*)$/gim)].map(([, value]) => value?.trim());
  };
  expect(await cacheControl(PREVIEW)).toEqual(["private"]);
  expect(await cacheControl(HOST)).toEqual([]);
});

describe("tokens", () => {
  test("of this script, epoch, key and time only", async () => {
    const opens = (value: string) => status(PREVIEW, cookie(value));
    expect(await opens(token())).toBe(200);
    const [header, payload, mac] = token().split(".");
    const forged = Buffer.from(
      JSON.stringify({ ...JSON.parse(Buffer.from(payload ?? "", "base64url").toString()), epoch: 4 }),
    );
    const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString("base64url");
    for (const bad of [
      token({ scriptId: "other" }),
      token({ epoch: 2 }),
      token({ key: Buffer.alloc(32, 8) }),
      token({ at: Date.now() - MINUTE_MS, seconds: 59 }),
      signClaims(KEY, { purpose: "upload", scriptId, epoch: 3 }, Date.now(), 600),
      `${header}.${forged.toString("base64url")}.${mac}`,
      `${none}.${payload}.`,
      `${header}.${payload}.`,
      `${header}.${payload}`,
      "..",
      "x".repeat(10_000),
      "",
    ])
      expect(await opens(bad), bad).toBe(401);
  });

  test("by one of its cookies, though another host below the base domain has set others, of which few are looked at", async () => {
    const good = `freehold_access=${token()}`;
    const bad = "freehold_access=a.b.c; ";
    expect(await status(PREVIEW, `Cookie: ${bad.repeat(2)}${good}\r\n`)).toBe(200);
    expect(await status(PREVIEW, `Cookie: ${bad}x=y\r\nCookie: ${good}\r\n`)).toBe(200);
    expect(await status(PREVIEW, `Cookie: ${bad.repeat(50)}${good}\r\n`)).toBe(401);
  });

  test("by header, by cookie and as a bearer token, and the Worker sees none of them", async () => {
    const seen = async (fields: string) => JSON.parse((await edge.get(PREVIEW, "/", fields)).body);
    expect(await seen(`Freehold-Access: ${token()}\r\nAuthorization: Basic eA==\r\n`)).not.toHaveProperty(
      "freehold-access",
    );
    expect(await seen(`freehold-access: ${token()}\r\nAuthorization: Basic eA==\r\n`)).toMatchObject({
      authorization: "Basic eA==",
    });
    expect(await seen(`Authorization: Bearer ${token()}\r\n`)).not.toHaveProperty("authorization");
    expect((await seen(`Cookie: a=b; freehold_access=${token()}; c=d\r\nCookie: e=f\r\n`)).cookie).toBe(
      "a=b; c=d; e=f",
    );
    expect(await seen(cookie(token()))).not.toHaveProperty("cookie");
    // Not protected: the header is not for Workers even so.
    expect(JSON.parse((await edge.get(HOST, "/", "freehold-access: x\r\n")).body)).not.toHaveProperty(
      "freehold-access",
    );
  });
});

describe("links", () => {
  const open = (path: string, fields = "") => edge.get(PREVIEW, path, fields);

  test("set a cookie for this host, as long as the token lives, and leave the address clean", async () => {
    const { status, head } = await open(`/a/b?x=1&freehold_access=${token()}&y=%2F`);
    expect(status).toBe(303);
    expect(head).toMatch(new RegExp(`^location: http://${PREVIEW}/a/b\\?x=1&y=%2F$`, "im"));
    const set = /^set-cookie: freehold_access=(\S+); Path=\/; Max-Age=(\d+); HttpOnly; SameSite=Lax$/im.exec(head);
    expect(Number(set?.[2])).toBeGreaterThan(590);
    expect(Number(set?.[2])).toBeLessThanOrEqual(600);
    expect(head).toMatch(/^cache-control: no-store$/im);
    expect((await open("/", cookie(set?.[1] ?? ""))).status).toBe(200);
    expect((await open(`//evil.example?freehold_access=${token()}`)).head).toMatch(
      new RegExp(`^location: http://${PREVIEW}//evil.example$`, "im"),
    );
  });

  test("that have expired are refused, unless the visitor is known", async () => {
    const old = token({ at: Date.now() - 2 * MINUTE_MS, seconds: 60 });
    expect((await open(`/?freehold_access=${old}`)).status).toBe(401);
    const known = await open(`/?freehold_access=${old}`, cookie(token()));
    expect(known.status).toBe(303);
    expect(known.head).not.toMatch(/set-cookie/i);
  });

  test("are for reading: another method needs the header or the cookie", async () => {
    const client = edge.client();
    client.send(`POST /?freehold_access=${token()} HTTP/1.1\r\nHost: ${PREVIEW}\r\nContent-Length: 0\r\n\r\n`);
    await client.has("HTTP/1.1 401");
  });

  test("mean nothing where nothing is protected", async () => {
    const { status, body } = await edge.get(HOST, `/?freehold_access=${token()}`);
    expect([status, JSON.parse(body).url]).toEqual([200, expect.stringContaining("freehold_access=")]);
  });
});
