import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../../lib/seeded-random.ts";
import { authenticate } from "./authenticate.ts";
import { s3Limits } from "./limits.ts";
import type { SignedRequest } from "./signature.ts";
import { ACCOUNT, type Captured, capturingClient, KEY_ID, refusalCode, testKeys } from "./testing.ts";
import { parseQuery } from "./uri.ts";

const keys = testKeys();
const now = () => Date.now();

async function captured(command: unknown, pathStyle = true): Promise<Captured> {
  const requests: Captured[] = [];
  await capturingClient(requests, { pathStyle })
    .send(command as never)
    .catch(() => {});
  return requests[0] as Captured;
}

const awkward = "a b/ü+~!'()*&=?#%25/日本.txt";

describe("what the real client signs", () => {
  test.each([
    ["a get", new GetObjectCommand({ Bucket: "photos", Key: awkward })],
    ["a put", new PutObjectCommand({ Bucket: "photos", Key: awkward, Body: "hello", Metadata: { a: "x   y" } })],
    ["a list", new ListObjectsV2Command({ Bucket: "photos", Prefix: "a b+/ü=&", Delimiter: "/" })],
  ])("%s", async (_, command) => {
    for (const pathStyle of [true, false]) {
      const caller = authenticate(await captured(command, pathStyle), keys, now());
      expect(caller.key).toMatchObject({ id: KEY_ID, accountId: ACCOUNT });
    }
  });

  test("a presigned URL, as long as it is good", async () => {
    const client = capturingClient([]);
    const text = await getSignedUrl(client, new GetObjectCommand({ Bucket: "photos", Key: awkward }), {
      expiresIn: 600,
    });
    const request = asRequest("GET", text);
    expect(authenticate(request, keys, now()).key.id).toBe(KEY_ID);
    expect(refusalCode(() => authenticate(request, keys, now() + 601_000))).toBe("ExpiredRequest");
    expect(refusalCode(() => authenticate({ ...request, method: "PUT" }, keys, now()))).toBe("SignatureDoesNotMatch");
    const query = request.query.map((one) =>
      one.name === "X-Amz-Expires" ? { ...one, value: "604801", encodedValue: "604801" } : one,
    );
    expect(refusalCode(() => authenticate({ ...request, query }, keys, now()))).toBe(
      "AuthorizationQueryParametersError",
    );
  });
});

describe("what is refused", () => {
  const put = () => captured(new PutObjectCommand({ Bucket: "photos", Key: "k", Body: "hello" }));
  const withHeader = (request: Captured, name: string, value: string | undefined): Captured => {
    const headers = new Map(request.headers);
    if (value === undefined) headers.delete(name);
    else headers.set(name, value);
    return { ...request, headers };
  };

  test("anything changed that is signed", async () => {
    const request = await put();
    const code = (changed: SignedRequest) => refusalCode(() => authenticate(changed, keys, now()));
    expect(code(request)).toBe("");
    expect(code({ ...request, rawPath: "/photos/other" })).toBe("SignatureDoesNotMatch");
    expect(code({ ...request, query: parseQuery("acl") })).toBe("SignatureDoesNotMatch");
    expect(code(withHeader(request, "host", "elsewhere"))).toBe("SignatureDoesNotMatch");
    expect(code(withHeader(request, "x-amz-content-sha256", "UNSIGNED-PAYLOAD"))).toBe("SignatureDoesNotMatch");
    expect(code(withHeader(request, "x-amz-meta-added", "1"))).toBe("AccessDenied");
    expect(code(withHeader(request, "cf-create-bucket-if-missing", "true"))).toBe("AccessDenied");
    expect(code(withHeader(request, "cf-ray", "1"))).toBe("");
    expect(code(withHeader(request, "x-amz-content-sha256", undefined))).toBe("InvalidRequest");
    expect(code(withHeader(request, "authorization", undefined))).toBe("Unauthorized");
    expect(code(withHeader(request, "authorization", "AWS key:signature"))).toBe("InvalidRequest");
  });

  test("another secret, and a key that is not there", async () => {
    const request = await put();
    expect(refusalCode(() => authenticate(request, testKeys("admin-read-write", undefined, "no"), now()))).toBe(
      "SignatureDoesNotMatch",
    );
    const none = testKeys();
    none.load([], () => "");
    expect(refusalCode(() => authenticate(request, none, now()))).toBe("Unauthorized");
  });

  test("a clock that is far off", async () => {
    const request = await put();
    for (const sign of [1, -1]) {
      const near = now() + sign * (s3Limits.clockSkewMs - 5000);
      const far = now() + sign * (s3Limits.clockSkewMs + 5000);
      expect(refusalCode(() => authenticate(request, keys, near))).toBe("");
      expect(refusalCode(() => authenticate(request, keys, far))).toBe("RequestTimeTooSkewed");
    }
  });

  test("nonsense, with a code and never with a crash", async () => {
    const request = await put();
    const header = request.headers.get("authorization") ?? "";
    const random = seededRandom(7);
    for (let round = 0; round < 1000; round++) {
      const at = random(header.length);
      const junk = String.fromCharCode(random(256)).repeat(random(4));
      const text = header.slice(0, at) + junk + header.slice(at + random(6));
      const code = refusalCode(() => authenticate(withHeader(request, "authorization", text), keys, now()));
      expect(code).toMatch(/^[A-Z][A-Za-z0-9]+$|^$/);
      if (code === "") expect(text.replace(/\s/g, "")).toBe(header.replace(/\s/g, ""));
      const raw = Array.from({ length: random(40) }, () => "X-Amz-%=&;+aZ9/é"[random(16)]).join("");
      expect(
        refusalCode(() => authenticate({ ...request, query: parseQuery(`X-Amz-Algorithm&${raw}`) }, keys, 0)),
      ).toMatch(/^[A-Z][A-Za-z0-9]+$/);
    }
  });
});

function asRequest(method: string, address: string): SignedRequest {
  const url = new URL(address);
  return {
    method,
    rawPath: url.pathname,
    query: parseQuery(url.search.slice(1)),
    headers: new Map([["host", url.host]]),
  };
}
