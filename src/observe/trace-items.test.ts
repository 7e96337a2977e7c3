import { expect, test } from "vitest";
import { readReport } from "./trace-items.ts";

const read = (value: unknown) => readReport(Buffer.from(JSON.stringify(value)));

test("what is no list is no report", () => {
  expect(readReport(Buffer.from("[{"))).toBeUndefined();
  expect(read({})).toBeUndefined();
});

test("entries that are no items are left out", () => {
  expect(read([null, 1, [], {}, { outcome: 1 }])).toEqual([]);
});

test("an item has every field, whatever was sent", () => {
  const nonsense = {
    outcome: "ok",
    event: "x",
    logs: [1, { level: "shout", message: "x" }],
    exceptions: [{ name: 1, stack: 2 }, "x"],
    executionModel: "cluster",
    wallTime: -1,
    cpuTime: "x",
    entrypoint: 5,
    scriptName: "another",
  };
  expect(read([nonsense])).toEqual([
    {
      outcome: "ok",
      eventTimestamp: null,
      event: null,
      logs: [{ level: "log", message: ["x"], timestamp: 0 }],
      exceptions: [{ name: "", message: "", timestamp: 0 }],
      diagnosticsChannelEvents: [],
      executionModel: "stateless",
      truncated: false,
      wallTime: 0,
      cpuTime: 0,
    },
  ]);
});
