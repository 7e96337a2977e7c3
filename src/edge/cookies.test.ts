import { expect, test } from "vitest";
import { parseRequestHead, RequestHead } from "../lib/http/request-head.ts";
import { cookieOf, cookiesOf } from "./cookies.ts";
import { headerNames } from "./headers.ts";

function headWith(...cookies: string[]): RequestHead {
  const head = new RequestHead(headerNames);
  const bytes = Buffer.from(
    `GET / HTTP/1.1\r\nHost: a\r\n${cookies.map((line) => `Cookie: ${line}\r\n`).join("")}\r\n`,
  );
  expect(parseRequestHead(head, bytes, 0, bytes.length)).toBe("complete");
  return head;
}

test.each<[string, string[]]>([
  ["a=1", ["1"]],
  ["b=2; a=1", ["1"]],
  ["b=2;a=1 ;c=3", ["1"]],
  ["b=2; \ta=1; a=2", ["1", "2"]],
  ["a=", [""]],
  ["a=b=c", ["b=c"]],
  ["aa=1; a=2", ["2"]],
  ["ba=1; a=2", ["2"]],
  ["b=a=1; a=2", ["2"]],
  ["a; a =1; ab=1", []],
  ["b a=1", []],
  ["A=1", []],
  ["", []],
])("cookies of one name in %j", (line, values) => {
  expect([...cookiesOf(headWith(line), "a")]).toEqual(values);
  expect(cookieOf(headWith(line), "a")).toBe(values[0]);
});

test("cookies of several fields, in order", () => {
  const head = headWith("b=1", "a=1; a=2", "a=3");
  expect([...cookiesOf(head, "a")]).toEqual(["1", "2", "3"]);
  expect(cookieOf(head, "a")).toBe("1");
});
