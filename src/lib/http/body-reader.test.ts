import { describe, expect, test } from "vitest";
import { BodyReader, CHUNKED, UNTIL_CLOSE } from "./body-reader.ts";

/** Feeds text in packets of `size` bytes; what is passed on, and what is left when the body is done. */
function read(length: number, text: string, keepFraming: boolean, size = text.length) {
  const body = new BodyReader();
  body.begin(length, keepFraming);
  let passed = "";
  for (let from = 0; from < text.length; from += size) {
    const bytes = Buffer.from(text.slice(from, from + size), "latin1");
    for (let at = 0; at < bytes.length; ) {
      if (body.done) return { passed, rest: text.slice(from + at), received: body.received };
      at = body.next(bytes, at, bytes.length);
      if (at < 0) return "broken";
      passed += bytes.toString("latin1", body.rangeStart, body.rangeEnd);
    }
  }
  return body.done ? { passed, rest: "", received: body.received } : "unfinished";
}

const sizes = [1, 2, 3, 5, 1000];

describe("chunked", () => {
  const plain = "5\r\nhello\r\n1A\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n";
  const content = "helloabcdefghijklmnopqrstuvwxyz";

  test.each(sizes)("passes framing on unchanged, in packets of %i", (size) => {
    expect(read(CHUNKED, `${plain}GET`, true, size)).toEqual({ passed: plain, rest: "GET", received: 31 });
  });

  test.each(sizes)("yields the content alone, in packets of %i", (size) => {
    expect(read(CHUNKED, `${plain}GET`, false, size)).toEqual({ passed: content, rest: "GET", received: 31 });
  });

  test.each(sizes)("drops extensions and trailers, in packets of %i", (size) => {
    const dressed = '5;a="b"\r\nhello\r\n0;last\r\nX-Sum: 1\r\nY: 2\r\n\r\n';
    expect(read(CHUNKED, dressed, true, size)).toMatchObject({ passed: "5\r\nhello\r\n0\r\n\r\n" });
    expect(read(CHUNKED, dressed, false, size)).toMatchObject({ passed: "hello" });
  });

  test.each([
    ["no size", "\r\nhello\r\n0\r\n\r\n"],
    ["space before size", " 5\r\nhello\r\n0\r\n\r\n"],
    ["space after size", "5 \r\nhello\r\n0\r\n\r\n"],
    ["signed size", "+5\r\nhello\r\n0\r\n\r\n"],
    ["prefix 0x", "0x5\r\nhello\r\n0\r\n\r\n"],
    ["size too long", "00000000000005\r\nhello\r\n0\r\n\r\n"],
    ["bare LF after size", "5\nhello\r\n0\r\n\r\n"],
    ["bare CR after size", "5\rhello\r\n0\r\n\r\n"],
    ["content longer than said", "4\r\nhello\r\n0\r\n\r\n"],
    ["content shorter than said", "6\r\nhello\r\n0\r\n\r\n"],
    ["bare LF after content", "5\r\nhello\n0\r\n\r\n"],
    ["LF in extension", "5;a\nb\r\nhello\r\n0\r\n\r\n"],
    ["extension too long", `5;${"a".repeat(300)}\r\nhello\r\n0\r\n\r\n`],
    ["too many extensions", `${`1;${"a".repeat(200)}\r\nx\r\n`.repeat(100)}0\r\n\r\n`],
    ["too long trailers", `0\r\n${`X: ${"a".repeat(200)}\r\n`.repeat(100)}\r\n`],
    ["folded trailer", "0\r\n a\r\n\r\n"],
    ["bare LF at the end", "0\r\n\n"],
    ["bare CR at the end", "0\r\n\rX"],
    ["control character in trailer", "0\r\nX: \0\r\n\r\n"],
  ])("is broken by: %s", (_name, text) => {
    for (const size of sizes) {
      expect(read(CHUNKED, text, true, size)).toBe("broken");
      expect(read(CHUNKED, text, false, size)).toBe("broken");
    }
  });
});

test.each(sizes)("a length ends the body, in packets of %i", (size) => {
  expect(read(5, "helloGET", true, size)).toEqual({ passed: "hello", rest: "GET", received: 5 });
  expect(read(9, "helloGET", true, size)).toBe("unfinished");
});

test("no length: everything until the connection closes", () => {
  expect(read(UNTIL_CLOSE, "hello", true, 2)).toBe("unfinished");
});
