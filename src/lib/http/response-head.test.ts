import { expect, test } from "vitest";
import { INCOMPLETE, MALFORMED } from "./head.ts";
import { HeaderNames } from "./header-names.ts";
import { parseResponseHead, ResponseHead } from "./response-head.ts";

const head = new ResponseHead(new HeaderNames());

function parse(text: string, toHead = false): number {
  const bytes = Buffer.from(text, "latin1");
  return parseResponseHead(head, bytes, 0, bytes.length, toHead);
}

test.each([
  ["length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", { status: 200, bodyLength: 5, keepAlive: true }],
  ["equal lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", { bodyLength: 5 }],
  ["chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", { bodyLength: -1 }],
  ["until close", "HTTP/1.1 200 OK\r\n\r\n", { bodyLength: -2 }],
  ["no reason", "HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n", { status: 404 }],
  ["empty reason", "HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n", { status: 404 }],
  ["204", "HTTP/1.1 204 No Content\r\n\r\n", { bodyLength: 0 }],
  ["304 with length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", { bodyLength: 0 }],
  ["101", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n", { status: 101, bodyLength: 0 }],
  ["close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", { keepAlive: false }],
  ["HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", { keepAlive: false, minor: 0 }],
  ["nominated", "HTTP/1.1 200 OK\r\nConnection: X-A\r\nContent-Length: 0\r\n\r\n", { nominated: new Set(["x-a"]) }],
])("%s", (_name, text, expected) => {
  for (let length = 1; length < text.length; length++) expect(parse(text.slice(0, length))).toBe(INCOMPLETE);
  expect(parse(text)).toBe(text.length);
  expect(head).toMatchObject(expected);
});

test("the answer to HEAD has no body", () => {
  parse("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true);
  expect(head.bodyLength).toBe(0);
});

test.each([
  "HTTP/2.0 200 OK\r\n\r\n",
  "SSH-",
  "HTTP/1.1 20 OK\r\n\r\n",
  "HTTP/1.1 099 X\r\n\r\n",
  "HTTP/1.1 2000 X\r\n\r\n",
  "HTTP/1.1 200 O\0K\r\n\r\n",
  "HTTP/1.1 200 OK\n\r\n",
  "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
  "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
  "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
  "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
])("malformed: %j", (text) => {
  expect(parse(text)).toBe(MALFORMED);
});
