import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Cleanup } from "../lib/http/testing.ts";
import { address, socketPath, startEdge, startServer, type TestEdge } from "./testing.ts";

const cleanup = new Cleanup();
let edge: TestEdge;

beforeEach(async () => {
  const path = await socketPath(cleanup);
  await startServer(cleanup, path, true, (request, response) => {
    response.setHeader("X-Own", "1");
    response.setHeader("Set-Cookie", ["a=1", "b=2"]);
    response.setHeader("CF-Ray", "forged");
    response.setHeader("Keep-Alive", "timeout=1");
    response.end(JSON.stringify(request.rawHeaders));
  });
  edge = await startEdge(cleanup, { acquire: async (versionId) => address(versionId, path) });
});
afterEach(() => cleanup.run());

const HOST = "hello.acc.localhost";

async function headersSeen(fields: string): Promise<Record<string, string[]>> {
  const { body } = await edge.get(HOST, "/", fields);
  const raw: string[] = JSON.parse(body);
  const seen: Record<string, string[]> = {};
  for (let index = 0; index < raw.length; index += 2) {
    const name = (raw[index] as string).toLowerCase();
    seen[name] ??= [];
    seen[name].push(raw[index + 1] as string);
  }
  return seen;
}

describe("what a Worker is told", () => {
  test("about the client", async () => {
    const seen = await headersSeen("X-Kept: yes\r\nCloudflare-Workers-Version-Key: k\r\n");
    expect(seen).toEqual({
      host: [HOST],
      "x-kept": ["yes"],
      "cloudflare-workers-version-key": ["k"],
      "cf-connecting-ip": ["127.0.0.1"],
      "x-real-ip": ["127.0.0.1"],
      "x-forwarded-for": ["127.0.0.1"],
      "x-forwarded-proto": ["http"],
      "cf-visitor": ['{"scheme":"http"}'],
      "cf-ipcountry": ["XX"],
      "cdn-loop": ["freehold; loops=1"],
      "cf-ray": [expect.stringMatching(/^[0-9a-f]{16}-FRH$/)],
      "cf-blob": [expect.any(String)],
    });
    expect(JSON.parse(seen["cf-blob"]?.[0] ?? "")).toMatchObject({
      colo: "FRH",
      country: null,
      httpProtocol: "HTTP/1.1",
      tlsVersion: "",
    });
  });

  test("never by the client itself, whatever the case or number", async () => {
    const honest = await headersSeen("");
    const forged = await headersSeen(
      'cf-blob: {"colo":"LAX"}\r\nCF-BLOB: {}\r\nCf-Connecting-Ip: 6.6.6.6\r\ncf-ray: x\r\nCF-Visitor: {"scheme":"https"}\r\n' +
        "CF-IPCountry: FR\r\nx-forwarded-for: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\n" +
        "X-Forwarded-Anything: 1\r\nX-Real-IP: 6.6.6.6\r\nTrue-Client-IP: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n" +
        "CF-EW-Via: 1\r\nCF-Worker: evil.example\r\nCF-Pseudo-IPv4: 6.6.6.6\r\n",
    );
    expect({ ...forged, "cf-ray": [] }).toEqual({ ...honest, "cf-ray": [] });
    expect(forged["cf-ray"]).not.toEqual(honest["cf-ray"]);
  });

  test("a client cannot have our headers removed as hop-by-hop", async () => {
    const { body } = await edge.get(HOST, "/", "Connection: cf-connecting-ip, x-forwarded-for, cf-blob\r\n");
    const raw: string[] = JSON.parse(body);
    for (const name of ["CF-Connecting-IP", "X-Forwarded-For", "cf-blob"]) expect(raw).toContain(name);
  });
});

describe("loops", () => {
  test("are counted, and marks of others are kept", async () => {
    const seen = await headersSeen("CDN-Loop: other, freehold; loops=3\r\ncdn-loop: third; x=1\r\n");
    expect(seen["cdn-loop"]).toEqual(["other, third; x=1, freehold; loops=4"]);
  });

  test.each([
    ["freehold; loops=15", 200],
    ["freehold; loops=16", 508],
    ["freehold", 200],
    [Array(16).fill("freehold").join(","), 508],
    ["freehold;loops=8, x, freehold;loops=8", 508],
    ["cloudflare; loops=99", 200],
  ])("%s → %i", async (mark, status) => {
    expect((await edge.get(HOST, "/", `CDN-Loop: ${mark}\r\n`)).status).toBe(status);
  });
});

test("what a client is told", async () => {
  const { head } = await edge.get(HOST);
  const lines = head.split("\r\n").slice(1);
  expect(lines).toContain("server: freehold");
  expect(lines).toContain("X-Own: 1");
  expect(lines.filter((line) => line.startsWith("Set-Cookie"))).toEqual(["Set-Cookie: a=1", "Set-Cookie: b=2"]);
  expect(lines.filter((line) => /^date:/i.test(line))).toHaveLength(1);
  expect(lines.filter((line) => /^cf-ray:/i.test(line))).toEqual([expect.stringMatching(/^CF-Ray: [0-9a-f]{16}-FRH$/)]);
  expect(lines.filter((line) => /^keep-alive:/i.test(line))).toEqual([]);
  expect(lines.filter((line) => /^connection:/i.test(line))).toEqual(["Connection: close"]);
});

test("ray ids differ", async () => {
  const rays = new Set<string>();
  const client = edge.client();
  for (let index = 1; index <= 50; index++) {
    client.send(`GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
    await client.has("\r\nCF-Ray:", index);
  }
  for (const [, ray] of client.received.matchAll(/\r\nCF-Ray: (\S+)/g)) rays.add(ray as string);
  expect(rays.size).toBe(50);
});
