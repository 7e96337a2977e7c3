import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../../lib/seeded-random.ts";
import { ChunkDecoder } from "./aws-chunked.ts";
import { ALGORITHM, ChunkSigner, SHA256_OF_NOTHING, sha256, signingKey } from "./signature.ts";
import { refusalCode } from "./testing.ts";

const scope = { date: "20130524", region: "us-east-1" };
const timestamp = "20130524T000000Z";
// S3's published example of a signed stream ("Signature Calculations for the Authorization Header: Transferring
// Payload in Multiple Chunks").
const secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const seed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
const signer = () => new ChunkSigner(signingKey(secret, scope), scope, timestamp, seed);
const example = [
  `10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n${"a".repeat(65536)}\r\n`,
  `400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n${"a".repeat(1024)}\r\n`,
  "0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n",
].join("");

interface Options {
  signed?: boolean;
  trailer?: boolean;
  bytes: number;
  step?: number;
}

function decode(text: string | Buffer, { signed = false, trailer = false, bytes, step = 1 << 20 }: Options) {
  const decoder = new ChunkDecoder({ signer: signed ? signer() : undefined, trailer, decodedBytes: bytes });
  const body = Buffer.from(text as string, "latin1");
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; at += step) parts.push(...decoder.push(body.subarray(at, at + step)));
  decoder.end();
  return { content: Buffer.concat(parts).toString("latin1"), trailers: Object.fromEntries(decoder.trailers) };
}

test.each([1 << 20, 1000, 7, 1])("S3's own example of a signed stream, in packets of %i", (step) => {
  const { content } = decode(example, { signed: true, bytes: 66560, step });
  expect(content).toBe("a".repeat(66560));
});

test("a stream without signatures and with a checksum behind it", () => {
  const text = "5\r\nhello\r\n1\r\n!\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n";
  for (const step of [1, 2, 100])
    expect(decode(text, { trailer: true, bytes: 6, step })).toEqual({
      content: "hello!",
      trailers: { "x-amz-checksum-crc32": "AAAAAA==" },
    });
});

test("a signed stream with signed headers behind it", () => {
  const key = signingKey(secret, scope);
  const heading = `${timestamp}\n20130524/us-east-1/s3/aws4_request`;
  const sign = (kind: string, text: string) =>
    createHmac("sha256", key).update(`${ALGORITHM}-${kind}\n${heading}\n${text}`).digest("hex");
  const first = sign("PAYLOAD", `${seed}\n${SHA256_OF_NOTHING}\n${sha256("hello")}`);
  const last = sign("PAYLOAD", `${first}\n${SHA256_OF_NOTHING}\n${SHA256_OF_NOTHING}`);
  const line = "x-amz-checksum-crc32c:sOO8/Q==";
  const trailer = sign("TRAILER", `${last}\n${sha256(`${line}\n`)}`);
  const chunks = `5;chunk-signature=${first}\r\nhello\r\n0;chunk-signature=${last}\r\n`;
  const good = [
    `${chunks}${line}\r\nx-amz-trailer-signature:${trailer}\r\n\r\n`,
    `${chunks}${line}\n\r\nx-amz-trailer-signature:${trailer}\r\n\r\n`,
  ];
  for (const text of good) expect(decode(text, { signed: true, trailer: true, bytes: 5 }).content).toBe("hello");
  const changed = good[0]?.replace("sOO8", "sOO9") ?? "";
  expect(refusalCode(() => decode(changed, { signed: true, trailer: true, bytes: 5 }))).toBe("SignatureDoesNotMatch");
});

describe("what is refused", () => {
  test.each([
    ["a changed byte", example.replace("aaaaaaaa", "aaaaaaab"), "SignatureDoesNotMatch"],
    ["a chunk left out", example.slice(example.indexOf("400;")), "SignatureDoesNotMatch"],
    ["the end missing", example.slice(0, -2), "IncompleteBody"],
    ["the last chunk missing", example.slice(0, example.indexOf("0;chunk-signature=b6")), "IncompleteBody"],
    ["bytes after the end", `${example}x`, "InvalidRequest"],
    ["more than announced", `fffff;chunk-signature=${seed}\r\n`, "InvalidRequest"],
    ["a chunk without a signature", "5\r\nhello\r\n", "InvalidRequest"],
    ["a line without an end", "1".repeat(1000), "InvalidRequest"],
  ])("%s", (_, text, code) => {
    expect(refusalCode(() => decode(text, { signed: true, bytes: 66560 }))).toBe(code);
  });

  test.each([
    ["signatures where none were announced", `5;chunk-signature=${seed}\r\nhello\r\n0\r\n\r\n`, 5, "InvalidRequest"],
    ["headers where none were announced", "5\r\nhello\r\n0\r\na:b\r\n\r\n", 5, "InvalidRequest"],
    ["a chunk that is too long", "5\r\nhello!\r\n0\r\n\r\n", 5, "InvalidRequest"],
    ["less than announced", "5\r\nhello\r\n0\r\n\r\n", 6, "IncompleteBody"],
    ["nothing", "", 0, "IncompleteBody"],
  ])("%s", (_, text, bytes, code) => {
    expect(refusalCode(() => decode(text, { bytes }))).toBe(code);
  });

  test("nonsense ends with a code, at once", () => {
    const random = seededRandom(3);
    for (let round = 0; round < 3000; round++) {
      const bytes = Buffer.from("5;chunk-signature=0\r\nhello\r\n0\r\nx-amz-a:b\r\n\r\n", "latin1");
      for (let change = random(6); change >= 0; change--) bytes[random(bytes.length)] = random(256);
      const code = refusalCode(() => decode(bytes, { trailer: true, bytes: random(8), step: 1 + random(9) }));
      expect(code).toMatch(/^(InvalidRequest|IncompleteBody|)$/);
    }
  });
});
