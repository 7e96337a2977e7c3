/** Requests that no client makes: every one gets an answer, and none of them is a failure of ours. */
import { createHash } from "node:crypto";
import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { seededRandom } from "../../lib/seeded-random.ts";
import { canonicalRequest, requestSignature, scopeText, signingKey } from "./signature.ts";
import { KEY_ID, SECRET } from "./testing.ts";
import { startTestS3, type TestS3 } from "./testing-server.ts";
import { parseQuery } from "./uri.ts";

let s3: TestS3;
beforeAll(async () => {
  s3 = await startTestS3();
});
afterAll(() => s3.close());

const REGION = "auto";

/** Sends a request, signed when `sign` says so; resolves with its status and body. */
function send(
  method: string,
  target: string,
  headers: Record<string, string>,
  body: string,
  sign: boolean,
): Promise<{ status: number; text: string }> {
  const timestamp = `${new Date().toISOString().slice(0, 19).replace(/[-:]/g, "")}Z`;
  const all: Record<string, string> = { host: "s3.localhost", "x-amz-date": timestamp, ...headers };
  all["x-amz-content-sha256"] ??= createHash("sha256").update(body, "latin1").digest("hex");
  if (sign) {
    const [rawPath = "", query = ""] = target.split(/\?(.*)/s);
    const signed = Object.keys(all).sort();
    const scope = { date: timestamp.slice(0, 8), region: REGION };
    const request = { method, rawPath, query: parseQuery(query), headers: new Map(Object.entries(all)) };
    const canonical = canonicalRequest(request, signed, all["x-amz-content-sha256"]);
    const signature = requestSignature(signingKey(SECRET, scope), scope, timestamp, canonical);
    all.authorization = `AWS4-HMAC-SHA256 Credential=${KEY_ID}/${scopeText(scope)}, SignedHeaders=${signed.join(";")}, Signature=${signature}`;
  }
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      {
        port: s3.port,
        method,
        path: target,
        headers: { ...all, "content-length": String(Buffer.byteLength(body, "latin1")) },
      },
      (incoming) => {
        let text = "";
        incoming.setEncoding("latin1").on("data", (chunk: string) => {
          text += chunk;
        });
        incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, text }));
      },
    );
    outgoing.on("error", reject);
    outgoing.end(body, "latin1");
  });
}

const paths = [
  ...["/", "/test-bucket", "/test-bucket", "/test-bucket/a", "/test-bucket/a", "/test-bucket/a", "/test-bucket/b%20c"],
  ...["/test-bucket/a%2F%FF", "/test-bucket/%", "/no-bucket/a", "/..//x"],
];
const parameters = [
  ...[
    "acl",
    "cors",
    "delete",
    "lifecycle",
    "location",
    "uploads",
    "versioning",
    "list-type=2",
    "uploadId=x",
    "partNumber=1",
  ],
  ...[
    "partNumber=0",
    "max-keys=0",
    "max-keys=x",
    "max-keys=1",
    "prefix=%F0",
    "prefix=a",
    "delimiter=/",
    "marker=b",
    "x=%zz",
  ],
  ...[
    "continuation-token=!",
    "continuation-token=YQ",
    "encoding-type=url",
    "encoding-type=x",
    "start-after=a",
    "X-Amz-Algorithm=x",
  ],
];
const headers: [string, string][] = [
  ["range", "bytes=0-"],
  ["range", "bytes=5-1"],
  ["if-match", '"'],
  ["if-none-match", "*"],
  ["if-modified-since", "never"],
  ["content-md5", "x"],
  ["x-amz-checksum-crc32", "AAAAAA=="],
  ["x-amz-checksum-sha256", "AAAA"],
  ["x-amz-content-sha256", "UNSIGNED-PAYLOAD"],
  ["x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"],
  ["x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"],
  ["x-amz-content-sha256", "nonsense"],
  ["x-amz-decoded-content-length", "5"],
  ["x-amz-decoded-content-length", "-1"],
  ["x-amz-trailer", "x-amz-checksum-crc32"],
  ["x-amz-copy-source", "/test-bucket/a"],
  ["x-amz-copy-source", "%zz/%FF"],
  ["x-amz-copy-source-range", "bytes=0-0"],
  ["x-amz-metadata-directive", "OTHER"],
  ["x-amz-meta-a", "=?utf-8?b?/////w==?="],
  ["x-amz-storage-class", "GLACIER"],
  ["x-amz-server-side-encryption-customer-algorithm", "AES256"],
  ["x-amz-server-side-encryption-customer-key", "AAAA"],
  ["x-amz-acl", "public-read"],
  ["x-amz-checksum-algorithm", "MD6"],
  ["origin", "https://a.example"],
];
const bodies = [
  "",
  "hello",
  "5\r\nhello\r\n0\r\n\r\n",
  "<Delete><Object><Key>a</Key></Object></Delete>",
  "<Delete>",
  "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>",
  "<LifecycleConfiguration><Rule><Expiration><Days>x</Days></Expiration></Rule></LifecycleConfiguration>",
  "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>",
  "<CreateBucketConfiguration/>",
];

test("an answer to everything", { timeout: 60_000 }, async () => {
  const random = seededRandom(5);
  const one = <Item>(items: readonly Item[]): Item => items[random(items.length)] as Item;
  const statuses = new Map<number, number>();
  for (let round = 0; round < 500; round++) {
    const query = Array.from({ length: random(3) }, () => one(parameters)).join("&");
    const target = `${one(paths)}${query === "" ? "" : `?${query}`}`;
    const fields = Object.fromEntries(Array.from({ length: random(3) }, () => one(headers)));
    const method = one(["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH", "GET", "PUT"]);
    const body = one(bodies);
    // What cannot be parsed cannot be signed either.
    const sign = random(10) > 0 && !/%(zz|\?|$|F0)/.test(target);
    const { status, text } = await send(method, target, fields, body, sign);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    const what = `${method} ${target} ${JSON.stringify(fields)} ${body}: ${status} ${text}`;
    expect(status, what).toBeGreaterThanOrEqual(200);
    if (status >= 500) expect(status, what).toBe(501);
    if (status >= 400 && method !== "HEAD") expect(text, what).toContain("<Code>");
  }
  // It got past the doors.
  expect((statuses.get(200) ?? 0) + (statuses.get(204) ?? 0)).toBeGreaterThan(20);
});
