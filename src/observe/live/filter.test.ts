import { describe, expect, test } from "vitest";
import type { TailFilter } from "../../domain/live-tail.ts";
import { type TraceItem, UNREDACTED } from "../../domain/trace.ts";
import { obstacles } from "./filter.ts";

function invocation(parts: Partial<TraceItem> = {}): TraceItem {
  const headers = { "cf-connecting-ip": "192.0.2.7", "x-kind": "blue whale", authorization: "REDACTED" };
  return {
    eventTimestamp: 0,
    outcome: "ok",
    event: { request: { url: "http://a/", method: "POST", headers } },
    [UNREDACTED]: { headers: { authorization: "Bearer abc" } },
    logs: [{ level: "log", message: ["hello", { deep: ["needle"] }, null], timestamp: 0 }],
    exceptions: [],
    diagnosticsChannelEvents: [],
    executionModel: "stateless",
    truncated: false,
    cpuTime: 0,
    wallTime: 0,
    ...parts,
  };
}

const passes = (filters: TailFilter[], item = invocation()) => obstacles(filters)(item, "v1") === undefined;
const scheduled = invocation({ event: { cron: "* * * * *", scheduledTime: 0 }, logs: [] });

describe("filters", () => {
  test.each<[TailFilter, boolean]>([
    [{ outcome: ["ok"] }, true],
    [{ outcome: ["exception", "exceededCpu"] }, false],
    [{ method: ["get", "post"] }, true],
    [{ method: ["GET"] }, false],
    [{ header: { key: "X-Kind" } }, true],
    [{ header: { key: "x-kind", query: "whale" } }, true],
    [{ header: { key: "x-kind", query: "shark" } }, false],
    [{ header: { key: "x-other" } }, false],
    [{ header: { key: "constructor" } }, false],
    [{ header: { key: "authorization" } }, true],
    [{ header: { key: "authorization", query: "Bearer abc" } }, true],
    [{ header: { key: "authorization", query: "Bearer a" } }, false],
    [{ header: { key: "authorization", query: "REDACTED" } }, false],
    [{ client_ip: ["198.51.100.1", "192.0.2.7"] }, true],
    [{ client_ip: ["198.51.100.1"] }, false],
    [{ query: "hell" }, true],
    [{ query: "needle" }, true],
    [{ query: "haystack" }, false],
    [{ scriptVersion: "v1" }, true],
    [{ scriptVersion: "v2" }, false],
    [{ sampling_rate: 1 }, true],
  ])("%j: %s", (filter, expected) => expect(passes([filter])).toBe(expected));

  test("must all hold", () => {
    expect(passes([{ method: ["POST"] }, { query: "hello" }])).toBe(true);
    expect(passes([{ method: ["POST"] }, { query: "nothing" }])).toBe(false);
    expect(passes([])).toBe(true);
  });

  test("on requests keep other events out", () => {
    for (const filter of [{ method: ["GET"] }, { header: { key: "x" } }, { client_ip: ["::1"] }])
      expect(passes([filter], scheduled)).toBe(false);
    expect(passes([{ outcome: ["ok"] }], scheduled)).toBe(true);
  });

  test("know the spellings of an address", () => {
    const item = invocation({ event: { request: { headers: { "cf-connecting-ip": "2001:db8::1" } } } });
    expect(passes([{ client_ip: ["2001:0DB8:0:0::1"] }], item)).toBe(true);
  });

  test("survive what is no request", () => {
    for (const event of [
      null,
      { request: null },
      { request: { headers: 1, method: {} } },
      { request: { headers: { x: 1 } } },
    ]) {
      const item = invocation({ event: event as TraceItem["event"] });
      expect(passes([{ header: { key: "x", query: "1" } }], item)).toBe(false);
      expect(passes([{ method: ["GET"] }], item)).toBe(false);
    }
  });

  test("a share of what the others let through", () => {
    const filter = obstacles([{ sampling_rate: 0.25 }, { method: ["POST"] }]);
    const items = Array.from({ length: 4_000 }, () => invocation());
    const seen = items.filter((item) => filter(item, "v1") === undefined).length;
    expect(seen).toBeGreaterThan(850);
    expect(seen).toBeLessThan(1_150);
  });

  test("an object that was logged is written out once, whoever looks for a text in it", () => {
    let written = 0;
    const object = { toJSON: () => `needle ${++written}` };
    const item = invocation({ logs: [{ level: "log", message: [object], timestamp: 0 }] });
    for (let session = 0; session < 10; session++) {
      expect(passes([{ query: "needle" }, { query: "1" }], item)).toBe(true);
      expect(passes([{ query: "2" }], item)).toBe(false);
    }
    expect(written).toBe(1);
  });
});
