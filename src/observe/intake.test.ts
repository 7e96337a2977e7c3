import { expect, test, vi } from "vitest";
import type { TraceItem } from "../domain/trace.ts";
import { TraceIntake } from "./intake.ts";
import { readReport } from "./trace-items.ts";

const source = { accountId: "a".repeat(32), script: "w", versionId: "v1", versionTag: "" };

test("what one listener cannot take ends nothing, and the others get it", () => {
  const said = vi.spyOn(console, "error").mockImplementation(() => {});
  const taken: TraceItem[] = [];
  // No text can be made of such a URL.
  const [odd] =
    readReport(Buffer.from('[{"outcome":"ok","event":{"request":{"url":{"toString":1,"valueOf":1}}}}]')) ?? [];
  const reads = {
    take: (_: unknown, [item]: readonly TraceItem[]) =>
      void String((item as never as { event: { request: { url: unknown } } }).event.request.url),
  };
  const keeps = { take: (_: unknown, items: readonly TraceItem[]) => void taken.push(...items) };
  const intake = new TraceIntake({ listeners: [reads, keeps], dropped: () => {} });
  for (let count = 0; count < 3; count++) intake.take(source, [odd!]);
  expect(taken).toEqual([odd, odd, odd]);
  // The operator's log is not filled by it.
  expect(said.mock.calls).toEqual([
    [expect.stringMatching(/^invocations of w \(account a+\) are dropped: TypeError: /)],
  ]);
  said.mockRestore();
});
