import { describe, expect, test } from "vitest";
import { HeaderNames } from "./header-names.ts";
import { parseRequestHead, RequestHead } from "./request-head.ts";

const head = new RequestHead(new HeaderNames(["x-forwarded-*", "cf-ray"]));

function parse(text: string) {
  const bytes = Buffer.from(text, "latin1");
  const result = parseRequestHead(head, bytes, 0, bytes.length);
  return result === "refused" ? head.refusal.status : result;
}

const HOST = "Host: a.test\r\n";

describe("what is accepted", () => {
  const accepted: [name: string, text: string, expected: Partial<RequestHead>][] = [
    ["plain", `GET /x?y=1 HTTP/1.1\r\n${HOST}\r\n`, { method: "GET", target: "/x?y=1", host: "a.test", bodyLength: 0 }],
    ["length", `POST / HTTP/1.1\r\n${HOST}Content-Length: 12\r\n\r\n`, { method: "POST", bodyLength: 12 }],
    ["chunked", `PUT / HTTP/1.1\r\n${HOST}Transfer-Encoding: Chunked\r\n\r\n`, { bodyLength: -1 }],
    ["unknown method", `PURGE / HTTP/1.1\r\n${HOST}\r\n`, { method: "PURGE" }],
    ["empty line before", `\r\nGET / HTTP/1.1\r\n${HOST}\r\n`, { method: "GET" }],
    ["close", `GET / HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`, { keepAlive: false }],
    ["close wins", `GET / HTTP/1.1\r\n${HOST}Connection: keep-alive, Close\r\n\r\n`, { keepAlive: false }],
    ["HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", { keepAlive: false, minor: 0, host: "" }],
    ["HTTP/1.0 kept", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", { keepAlive: true }],
    ["host with port", "GET / HTTP/1.1\r\nhost:A.test:80\r\n\r\n", { host: "A.test:80" }],
    ["IPv6 host", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", { host: "[::1]:80" }],
    ["white space around", "GET / HTTP/1.1\r\nHost: \t a.test \t\r\n\r\n", { host: "a.test" }],
    [
      "absolute target",
      "GET http://A.test/p HTTP/1.1\r\nHost: a.test\r\n\r\n",
      { host: "A.test", target: "/p", absolute: true },
    ],
    ["absolute target without path", "GET http://a.test?q HTTP/1.1\r\nHost: a.test\r\n\r\n", { target: "/?q" }],
    ["OPTIONS *", `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`, { target: "*" }],
    ["expect", `POST / HTTP/1.1\r\n${HOST}Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n`, { expectContinue: true }],
    ["expect without body", `GET / HTTP/1.1\r\n${HOST}Expect: 100-continue\r\n\r\n`, { expectContinue: false }],
    [
      "WebSocket",
      `GET / HTTP/1.1\r\n${HOST}Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\r\n`,
      { upgrade: true },
    ],
    ["other upgrade", `GET / HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n`, { upgrade: false }],
    [
      "nominated",
      `GET / HTTP/1.1\r\n${HOST}Connection: X-Foo\r\n\r\n`,
      { nominated: new Set(["x-foo"]), keepAlive: true },
    ],
    ["obs-text", `GET / HTTP/1.1\r\n${HOST}X-Name: caf\xe9\r\n\r\n`, { method: "GET" }],
  ];
  test.each(accepted)("%s", (_name, text, expected) => {
    expect(parse(text)).toBe("complete");
    expect(head.end).toBe(text.length);
    for (const [key, value] of Object.entries(expected)) expect(head[key as keyof RequestHead]).toEqual(value);
  });

  test.each(accepted)("%s: no prefix is taken for the whole or refused", (_name, text) => {
    for (let length = 1; length < text.length; length++) expect(parse(text.slice(0, length))).toBe("incomplete");
  });
});

describe("what is refused", () => {
  test.each([
    ["both lengths", `POST / HTTP/1.1\r\n${HOST}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`, 400],
    ["two equal lengths", `POST / HTTP/1.1\r\n${HOST}Content-Length: 1\r\nContent-Length: 1\r\n\r\n`, 400],
    ["two lengths", `POST / HTTP/1.1\r\n${HOST}Content-Length: 1\r\ncontent-length: 2\r\n\r\n`, 400],
    ["length list", `POST / HTTP/1.1\r\n${HOST}Content-Length: 1, 1\r\n\r\n`, 400],
    ["signed length", `POST / HTTP/1.1\r\n${HOST}Content-Length: +1\r\n\r\n`, 400],
    ["negative length", `POST / HTTP/1.1\r\n${HOST}Content-Length: -1\r\n\r\n`, 400],
    ["hexadecimal length", `POST / HTTP/1.1\r\n${HOST}Content-Length: 0x1\r\n\r\n`, 400],
    ["empty length", `POST / HTTP/1.1\r\n${HOST}Content-Length:\r\n\r\n`, 400],
    ["huge length", `POST / HTTP/1.1\r\n${HOST}Content-Length: 99999999999999999999\r\n\r\n`, 400],
    ["other coding", `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip\r\n\r\n`, 400],
    ["coding list", `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip, chunked\r\n\r\n`, 400],
    [
      "chunked twice",
      `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`,
      400,
    ],
    ["quoted coding", `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: "chunked"\r\n\r\n`, 400],
    ["coding with vertical tab", `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: \x0bchunked\r\n\r\n`, 400],
    ["HTTP/1.0 with coding", `POST / HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`, 400],
    ["space before colon", `POST / HTTP/1.1\r\n${HOST}Content-Length : 1\r\n\r\n`, 400],
    ["folding", `GET / HTTP/1.1\r\n${HOST}X-A: b\r\n c\r\n\r\n`, 400],
    ["folded first line", `GET / HTTP/1.1\r\n ${HOST}\r\n`, 400],
    ["bare LF in fields", `GET / HTTP/1.1\r\n${HOST}X-A: b\nX-B: c\r\n\r\n`, 400],
    ["bare LF everywhere", "GET / HTTP/1.1\nHost: a\n\n", 400],
    ["bare CR in value", `GET / HTTP/1.1\r\n${HOST}X-A: b\rX-B: c\r\n\r\n`, 400],
    ["NUL in value", `GET / HTTP/1.1\r\n${HOST}X-A: b\0\r\n\r\n`, 400],
    ["DEL in value", `GET / HTTP/1.1\r\n${HOST}X-A: b\x7f\r\n\r\n`, 400],
    ["empty name", `GET / HTTP/1.1\r\n${HOST}: b\r\n\r\n`, 400],
    ["invalid name", `GET / HTTP/1.1\r\n${HOST}X(A): b\r\n\r\n`, 400],
    ["line without colon", `GET / HTTP/1.1\r\n${HOST}nothing\r\n\r\n`, 400],
    ["no host", "GET / HTTP/1.1\r\n\r\n", 400],
    ["two hosts", `GET / HTTP/1.1\r\n${HOST}${HOST}\r\n`, 400],
    ["empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400],
    ["host with user", "GET / HTTP/1.1\r\nHost: u@a.test\r\n\r\n", 400],
    ["host with path", "GET / HTTP/1.1\r\nHost: a.test/x\r\n\r\n", 400],
    ["host list", "GET / HTTP/1.1\r\nHost: a.test, b.test\r\n\r\n", 400],
    ["host longer than a name can be", `GET / HTTP/1.1\r\nHost: ${"a".repeat(262)}\r\n\r\n`, 400],
    ["port beyond the last", "GET / HTTP/1.1\r\nHost: a.test:65536\r\n\r\n", 400],
    ["bad port", "GET / HTTP/1.1\r\nHost: a.test:x\r\n\r\n", 400],
    ["unclosed IPv6", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400],
    ["disagreeing target", "GET http://b.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n", 400],
    ["target with user", "GET http://a.test@b.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n", 400],
    ["other scheme", "GET ftp://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n", 400],
    ["relative target", `GET x HTTP/1.1\r\n${HOST}\r\n`, 400],
    ["GET *", `GET * HTTP/1.1\r\n${HOST}\r\n`, 400],
    ["fragment", `GET /#x HTTP/1.1\r\n${HOST}\r\n`, 400],
    ["two spaces", `GET  / HTTP/1.1\r\n${HOST}\r\n`, 400],
    ["tab", `GET\t/ HTTP/1.1\r\n${HOST}\r\n`, 400],
    ["space in target", `GET /a b HTTP/1.1\r\n${HOST}\r\n`, 400],
    ["HTTP/0.9", "GET /\r\n", 400],
    ["HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
    ["HTTP/1.2", `GET / HTTP/1.2\r\n${HOST}\r\n`, 505],
    ["lower-case version", `GET / http/1.1\r\n${HOST}\r\n`, 400],
    ["many empty lines", `\r\n\r\nGET / HTTP/1.1\r\n${HOST}\r\n`, 400],
    ["CONNECT", `CONNECT a.test:443 HTTP/1.1\r\n${HOST}\r\n`, 405],
    ["TRACE", `TRACE / HTTP/1.1\r\n${HOST}\r\n`, 405],
    ["other expectation", `GET / HTTP/1.1\r\n${HOST}Expect: magic\r\n\r\n`, 417],
    ["hop-by-hop host", `GET / HTTP/1.1\r\n${HOST}Connection: Host\r\n\r\n`, 400],
    ["hop-by-hop length", `POST / HTTP/1.1\r\n${HOST}Connection: content-length\r\nContent-Length: 1\r\n\r\n`, 400],
    ["long connection list", `GET / HTTP/1.1\r\n${HOST}Connection: ${"a,".repeat(2000)}\r\n\r\n`, 431],
    ["too many fields", `GET / HTTP/1.1\r\n${HOST}${"a: b\r\n".repeat(1000)}\r\n`, 431],
    ["endless method", "A".repeat(40), 400],
  ])("%s", (_name, text, status) => {
    expect(parse(text)).toBe(status);
  });
});

test("names are found by id, whatever their case; a prefix stands for many", () => {
  parse(`GET / HTTP/1.1\r\n${HOST}CF-RAY: 1\r\nX-Forwarded-Foo: 2\r\nX-Forward: 3\r\nOther: 4\r\n\r\n`);
  const { names } = head;
  expect([...head.ids.subarray(0, head.count)]).toEqual([
    names.id("host"),
    names.id("cf-ray"),
    names.id("x-forwarded-*"),
    0,
    0,
  ]);
  expect(head.get(names.id("cf-ray"))).toBe("1");
});
