import { expect, test } from "vitest";
import { parseRequest } from "./wire.ts";

test("what the runtime sends is taken", () => {
  for (const request of [
    { version: 1, method: "get", object: "k", range: { offset: "0", length: "5" }, onlyIf: { uploadedAfter: "-1" } },
    { version: 1, method: "put", object: "k", customFields: [{ k: "a", v: "b" }], httpFields: { cacheExpiry: "1000" } },
    { version: 1, method: "delete", objects: ["a", "b"] },
    { version: 1, method: "list", limit: 10, include: [0, 1], newRuntime: true, somethingNew: {} },
    { version: 1, method: "completeMultipartUpload", object: "k", uploadId: "u", parts: [{ etag: "e", part: 1 }] },
  ])
    expect(parseRequest(JSON.stringify(request))).toEqual(request);
});

test.each([
  [{}],
  [[]],
  [{ method: 1 }],
  // `Buffer.from` takes the length of such an object for its own.
  [{ method: "delete", objects: [{ length: 2e9 }] }],
  [{ method: "get", object: { length: 2e9 } }],
  [{ method: "list", prefix: { length: 2e9 } }],
  [{ method: "list", delimiter: ["/"] }],
  [{ method: "list", startAfter: 5 }],
  [{ method: "get", object: "k", ssec: { key: { length: 2e9 } } }],
  [{ method: "get", object: "k", ssec: {} }],
  [{ method: "get", object: "k", range: { offset: 0.5 } }],
  [{ method: "get", object: "k", range: { suffix: "many" } }],
  [{ method: "get", object: "k", onlyIf: { etagMatches: "e" } }],
  [{ method: "put", object: "k", customFields: [{ k: "a" }] }],
  [{ method: "put", object: "k", httpFields: { contentType: {} } }],
  [{ method: "put", object: "k", md5: { length: 2e9 } }],
])("what a raw binding may send besides is refused: %j", (request) => {
  expect(() => parseRequest(JSON.stringify(request))).toThrow("Metadata missing or invalid");
});
