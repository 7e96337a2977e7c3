import { expect, test } from "vitest";
import { isStorage, storageHost } from "./storage-host.ts";

const account = "a".repeat(32);
const id = "0123456789abcdef0123456789abcdef";

test.each([
  ["s3.example.com", { kind: "s3" }],
  ["S3.Example.com:8787", { kind: "s3" }],
  ["photos.s3.example.com.", { kind: "s3", bucket: "photos" }],
  [`${account}.r2.example.com`, { kind: "s3", accountId: account }],
  [`photos.${account}.r2.example.com`, { kind: "s3", accountId: account, bucket: "photos" }],
  [`pub-${id}.r2.example.com`, { kind: "public", id }],
  [`x.pub-${id}.r2.example.com`, undefined],
  ["a.b.s3.example.com", undefined],
  ["r2.example.com", undefined],
  ["dev.r2.example.com", undefined],
  ["s3.example.org", undefined],
  ["s3example.com", undefined],
])("%s", (host, meaning) => {
  expect(storageHost(host, "example.com")).toEqual(meaning);
  if (meaning) {
    const name = host.toLowerCase().replace(/:\d+$|\.$/, "");
    expect(isStorage(name.slice(0, -".example.com".length).split("."))).toBe(true);
  }
});
