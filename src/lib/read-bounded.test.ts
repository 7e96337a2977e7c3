import { expect, test } from "vitest";
import { readBounded } from "./read-bounded.ts";

/** A body of so many chunks of ten bytes; `pulled` counts those that were asked for. */
function requestOf(chunks: number, headers: Record<string, string> = {}) {
  const counted = { pulled: 0 };
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (counted.pulled++ < chunks) controller.enqueue(Buffer.from("0123456789"));
        else controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  const request = new Request("http://h/", { method: "POST", body, headers, duplex: "half" } as RequestInit);
  return { request, counted };
}

test("a body up to the limit is read whole", async () => {
  expect((await readBounded(requestOf(3).request, 30))?.toString()).toBe("0123456789".repeat(3));
  expect((await readBounded(new Request("http://h/"), 30))?.length).toBe(0);
});

test("one that is announced as too large is not read", async () => {
  const { request, counted } = requestOf(100, { "content-length": "31" });
  expect(await readBounded(request, 30)).toBeUndefined();
  expect(counted.pulled).toBe(0);
});

test("one that turns out too large is read no further", async () => {
  const { request, counted } = requestOf(100);
  expect(await readBounded(request, 30)).toBeUndefined();
  expect(counted.pulled).toBe(4);
});
