import { Readable } from "node:stream";
import { expect, test } from "vitest";
import type { ServicesRequest } from "../../store/platform.ts";
import { closeTail, filtersOf, listTails, openTail, tailSchema } from "./tails.ts";

/** What services is asked, and answers. */
function asked(status: number, result: unknown, headers: Record<string, string> = {}) {
  const calls: [string, ServicesRequest | undefined][] = [];
  const services = async (path: string, request?: ServicesRequest) => {
    calls.push([path, request]);
    return { status, reason: "", header: () => undefined, body: Readable.from([JSON.stringify(result)]) };
  };
  const raw = new Request("http://inside/", { headers: { host: "api.example:8787", ...headers } });
  return { calls, asked: { platform: { services }, accountId: "a", raw } };
}

const OPENED = { id: "1", secret: "s3cret", expiresMs: Date.UTC(2026, 0, 1) };

test.each([
  ["http", "ws://api.example:8787/client/v4/tails/s3cret"],
  ["https", "wss://api.example:8787/client/v4/tails/s3cret"],
])("over %s the address is the one that the call came to", async (scheme, url) => {
  const { calls, asked: request } = asked(200, OPENED, { "x-forwarded-proto": scheme });
  const expected = { id: "1", url, expires_at: "2026-01-01T00:00:00.000Z" };
  expect(await openTail(request, "hello", { filters: [{ query: "x" }] })).toEqual(expected);
  expect(calls).toEqual([["/tails/a/hello", { method: "POST", body: '{"filters":[{"query":"x"}]}' }]]);
});

test("sessions are listed without their secrets", async () => {
  const { asked: request } = asked(200, [OPENED]);
  expect(await listTails(request, "hello")).toEqual([{ id: "1", expires_at: "2026-01-01T00:00:00.000Z" }]);
});

test("too many, and services that is away, have codes of their own", async () => {
  const refused = (status: number) => openTail(asked(status, {}).asked, "hello", { filters: [] });
  await expect(refused(429)).rejects.toMatchObject({ status: 429, failures: [{ code: 100160 }] });
  await expect(refused(500)).rejects.toMatchObject({ status: 503, failures: [{ code: 100161 }] });
  const away = { ...asked(200, {}).asked, platform: { services: () => Promise.reject(new Error("ECONNREFUSED")) } };
  await expect(closeTail(away, "hello", "a".repeat(32))).rejects.toMatchObject({ failures: [{ code: 100161 }] });
});

test("what is no id of a session names none", async () => {
  const { calls, asked: request } = asked(200, {});
  await closeTail(request, "hello", "../other/1");
  expect(calls).toEqual([]);
});

test("self is the caller's address", () => {
  const request = new Request("http://inside/", { headers: { "x-forwarded-for": "192.0.2.9" } });
  const filters = [{ client_ip: ["self", "198.51.100.2"] }, { query: "self" }];
  expect(filtersOf({ filters }, request)).toEqual([{ client_ip: ["192.0.2.9", "198.51.100.2"] }, { query: "self" }]);
});

test.each([undefined, null, {}, { filters: [] }, { filters: [{ header: { key: "a" } }, { sampling_rate: 0.5 }] }])(
  "%j is a request",
  (body) => expect(tailSchema.safeParse(body).success).toBe(true),
);

test.each([
  { filters: {} },
  { filters: [{}] },
  { filters: [{ sampling_rate: 2 }] },
  { filters: [{ unknown: 1 }] },
  { filters: [{ query: "a", method: ["GET"] }] },
  { filters: Array.from({ length: 21 }, () => ({ method: ["GET"] })) },
  { filters: Array.from({ length: 3 }, () => ({ query: "x" })) },
])("%j is none", (body) => expect(tailSchema.safeParse(body).success).toBe(false));
