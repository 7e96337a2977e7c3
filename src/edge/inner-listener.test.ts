import { connect } from "node:net";
import { afterEach, expect, test } from "vitest";
import type { EdgeCaller } from "../domain/messages.ts";
import { Cleanup } from "../lib/http/testing.ts";
import { address, script, snapshot, socketPath, startEdge, startServer } from "./testing.ts";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const routes = {
  ...snapshot(script("front"), script("shop"), script("other", { accountId: "a2" })),
  zones: [
    {
      accountId: "a1",
      name: "example.com",
      routes: [
        { pattern: "example.com/*", scriptId: "front" },
        { pattern: "shop.example.com/cart/*", scriptId: "front" },
      ],
    },
    { accountId: "a1", name: "example.org", routes: [{ pattern: "example.org/*", scriptId: "shop" }] },
    { accountId: "a2", name: "example.net", routes: [{ pattern: "example.net/*", scriptId: "other" }] },
  ],
  domains: [{ hostname: "shop.example.com", scriptId: "shop", enabled: true, previewsEnabled: false }],
};

/** An edge whose Workers answer with their version and what they were sent, and the socket for what Workers fetch. */
async function start() {
  const path = await socketPath(cleanup);
  await startServer(cleanup, path, true, ({ url, headers }, response) =>
    response.end(JSON.stringify({ url, headers })),
  );
  const versions: string[] = [];
  const acquire = async (versionId: string) => {
    versions.push(versionId);
    return address(versionId, path);
  };
  const edge = await startEdge(cleanup, { acquire }, routes);
  const send = async (first: string, text: string[]) => {
    const socket = connect({ path: edge.edgeSocket, allowHalfOpen: true });
    cleanup.add(() => socket.destroy());
    socket.write(first);
    for (const part of text) socket.write(part);
    let answer = "";
    for await (const chunk of socket) answer += chunk;
    return answer;
  };
  const get = async (host: string, target = "/", caller: Partial<EdgeCaller> = {}, fields = "") => {
    const line = `${JSON.stringify({ accountId: "a1", script: "front", secure: false, ...caller })}\n`;
    const answer = await send(line, [`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${fields}\r\n`]);
    const body = answer.slice(answer.indexOf("\r\n\r\n") + 4);
    return { status: Number(answer.slice(9, 12)), body };
  };
  return { edge, versions, send, get };
}

test.each([
  // In the caller's zone: past the routes.
  ["shop.example.com", "/cart/x", "shop-v1"],
  ["example.com", "/", 530],
  // As from outside.
  ["example.org", "/", "shop-v1"],
  ["shop.acc.localhost", "/", "shop-v1"],
  ["front.acc.localhost", "/", "front-v1"],
  // Of others, of nobody, of the platform.
  ["example.net", "/", 530],
  ["none.example.com", "/", 530],
  ["localhost", "/client/v4/user", 530],
])("a Worker fetches %s%s: %s", async (host, target, expected) => {
  const { get, versions } = await start();
  const { status } = await get(host, target);
  expect(typeof expected === "number" ? status : versions[0]).toBe(expected);
  const here = (await get("freehold.internal", `/${host}`)).status === 204;
  // What is in its own zone is never asked of the internet: this machine would only be asked again.
  expect(here).toBe(expected !== 530 || host === "example.com");
});

test("the Worker that is fetched learns scheme and visitor, but nothing that the caller may not say", async () => {
  const { get } = await start();
  const fields = "CF-Connecting-IP: 203.0.113.9\r\nX-Forwarded-Proto: gopher\r\ncf-blob: {}\r\n";
  const { headers } = JSON.parse((await get("shop.example.com", "/", { secure: true }, fields)).body);
  expect(headers).toMatchObject({
    "cf-connecting-ip": "203.0.113.9",
    "x-forwarded-for": "203.0.113.9",
    "x-forwarded-proto": "https",
    "x-forwarded-scheme": "https",
    "cdn-loop": "freehold; loops=1",
  });
  expect(JSON.parse(headers["cf-blob"])).toHaveProperty("colo");
  const bare = JSON.parse((await get("shop.example.com", "/", {}, "CF-Connecting-IP: x y\r\n")).body);
  expect(bare.headers).not.toHaveProperty("cf-connecting-ip");
});

test("the line about the caller may come in pieces, and must come", async () => {
  const { send } = await start();
  const request = "GET / HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n";
  const line = `${JSON.stringify({ accountId: "a1", script: "front", secure: false })}\n`;
  expect(await send(line.slice(0, 9), [line.slice(9, 20), line.slice(20) + request])).toMatch(/^HTTP\/1.1 200/);
  expect(await send("x".repeat(2000), [])).toBe("");
});
