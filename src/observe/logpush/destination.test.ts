import { expect, test } from "vitest";
import { objectKey, readDestination, shownDestination, withSecrets } from "./destination.ts";

const account = "a".repeat(32);
const keys = "access-key-id=ID&secret-access-key=SE%2FCR+ET";
const r2 = `r2://logs/some/{DATE}/?account-id=${account}&${keys}`;
const s3 = `s3://Bucket.1?region=auto&${keys}&endpoint=storage.example.com:9000`;
const https = "https://logs.example.com:444/in?header_Authorization=Basic%20x%2By&tags=host:a,b&header_X-B=";

test("destinations are read", () => {
  const secrets = { accessKeyId: "ID", secretAccessKey: "SE/CR+ET" };
  expect(readDestination(r2, account)).toEqual({ kind: "r2", bucket: "logs", path: "some/{DATE}", ...secrets });
  expect(readDestination(s3, account)).toEqual({
    ...{ kind: "s3", bucket: "Bucket.1", path: "", region: "auto", encrypted: false, ...secrets },
    endpoint: "https://storage.example.com:9000",
  });
  expect(readDestination(https, account)).toEqual({
    kind: "https",
    url: "https://logs.example.com:444/in?tags=host:a,b",
    headers: { Authorization: "Basic x+y", "X-B": "" },
  });
});

test("secrets are not shown, and what was shown stands for what it was", () => {
  expect(shownDestination(s3)).toBe(
    "s3://Bucket.1?region=auto&access-key-id=ID&secret-access-key=REDACTED&endpoint=storage.example.com:9000",
  );
  expect(shownDestination(https)).toBe(
    "https://logs.example.com:444/in?header_Authorization=REDACTED&tags=REDACTED&header_X-B=REDACTED",
  );
  const secret = "s%65cret-access-key=hidden";
  expect(shownDestination(`s3://logs?region=x&access-key-id=ID&${secret}`)).not.toContain("hidden");
  expect(shownDestination("HTTPS://logs.example.com/in?header_Authorization=hidden&x=?hidden&hidden")).toBe(
    "HTTPS://logs.example.com/in?header_Authorization=REDACTED&x=REDACTED&REDACTED",
  );
  for (const conf of [r2, s3, https]) expect(withSecrets(shownDestination(conf), conf)).toBe(conf);
  expect(withSecrets(s3, r2)).toBe(s3);
});

test("files are put below the path, with the day in it", () => {
  const at = Date.UTC(2026, 0, 2);
  const bucket = { bucket: "b", accessKeyId: "", secretAccessKey: "" };
  expect(objectKey({ ...bucket, path: "x/{DATE}" }, "f.gz", at)).toBe("x/20260102/f.gz");
  expect(objectKey({ ...bucket, path: "" }, "f.gz", at)).toBe("f.gz");
});

test.each([
  ["logs", /it has no scheme\. Use r2/],
  ["gs://bucket", /gs:\/\/ is not known here/],
  ["http://a/", /http:\/\/ is not known here/],
  [`r2://logs?${keys}`, /needs account-id=/],
  [`r2://logs?account-id=${"b".repeat(32)}&${keys}`, /is not this account/],
  [`r2://Logs?account-id=${account}&${keys}`, /is no name of a bucket/],
  [`r2://logs/{HOUR}?account-id=${account}&${keys}`, /only placeholder/],
  [`r2://logs?account-id=${account}&access-key-id=x`, /needs secret-access-key=/],
  [`${s3}&acl=public`, /"acl" is not known/],
  [`s3://logs?${keys}`, /needs region=/],
  [`s3://logs?region=x&${keys}&endpoint=http://a`, /by https/],
  [`s3://logs?region=x&${keys}&endpoint=a/path`, /without bucket and path/],
  ["https://user:pass@a/", /header_Authorization/],
  ["https://a/?header_Host=x", /"Host" cannot be set/],
  ["https://a/?header_a%0d%0ab=x", /cannot be set/],
  ["https://a/?header_a=x%0d%0ay", /characters that none may have/],
  ["https://a/?header_a=%zz", /not well encoded/],
  [`https://a/${"x".repeat(4096)}`, /more than 4096/],
])("%s is refused", (conf, message) => {
  expect(() => readDestination(conf, account)).toThrow(message);
});
