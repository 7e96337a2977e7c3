import { createHash } from "node:crypto";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { chooseEncoding, isCompressible, makeVariants } from "./encodings.ts";

const ALL = { br: 1, zstd: 1, gzip: 1 };

test.each<[header: string | undefined, form: string]>([
  [undefined, "identity"],
  ["", "identity"],
  ["gzip", "gzip"],
  ["x-gzip", "gzip"],
  ["GZIP", "gzip"],
  ["gzip, deflate, br", "br"],
  ["gzip, deflate, br, zstd", "br"],
  ["zstd, gzip", "zstd"],
  ["deflate", "identity"],
  ["br;q=0.5, gzip", "gzip"],
  ["br;q=0.5, gzip;q=0.5", "br"],
  ["br; q=0.1 , zstd ;q=0.9", "zstd"],
  ["br;q=0, gzip", "gzip"],
  ["br;q=0.000", "identity"],
  ["*", "br"],
  ["*;q=0.5, gzip", "gzip"],
  ["br;q=0, *", "zstd"],
  ["identity", "identity"],
  ["identity;q=1, gzip;q=0.1", "gzip"],
  ["identity;q=0", "none"],
  ["identity;q=0, gzip", "gzip"],
  ["*;q=0", "none"],
  ["*;q=0, identity", "identity"],
  ["gzip;q=zzz", "gzip"],
  ["gzip;level=9;q=0", "identity"],
  [`gzip,${"x".repeat(2000)}`, "identity"],
])("%.40j gives %s", (header, form) => expect(chooseEncoding(header, ALL)).toBe(form));

test("only forms that exist are chosen", () => {
  expect(chooseEncoding("br, gzip", { gzip: 5 })).toBe("gzip");
  expect(chooseEncoding("br, gzip", {})).toBe("identity");
  expect(chooseEncoding("br, identity;q=0", { gzip: 5 })).toBe("none");
});

test.each<[type: string | undefined, size: number, compressible: boolean]>([
  ["text/html; charset=utf-8", 5000, true],
  ["text/html", 511, false],
  ["TEXT/CSS", 5000, true],
  ["application/javascript", 5000, true],
  ["application/json", 5000, true],
  ["application/ld+json", 5000, true],
  ["application/manifest+json", 5000, true],
  ["image/svg+xml", 5000, true],
  ["application/wasm", 5000, true],
  ["font/ttf", 5000, true],
  ["font/woff2", 5000, false],
  ["image/png", 5000, false],
  ["image/x-icon", 5000, true],
  ["video/mp4", 5000, false],
  ["application/zip", 5000, false],
  ["application/octet-stream", 5000, false],
  ["text/event-stream", 5000, false],
  [undefined, 5000, false],
])("%s of %d bytes: %s", (type, size, compressible) => expect(isCompressible(type, size)).toBe(compressible));

describe("variants", () => {
  const text = Buffer.from("<p>Hello there, this is a page.</p>\n".repeat(100));

  test("decode to the content and are smaller", async () => {
    const made = await makeVariants(text, "text/html");
    expect(brotliDecompressSync(made.br ?? "")).toEqual(text);
    expect(zstdDecompressSync(made.zstd ?? "")).toEqual(text);
    expect(gunzipSync(made.gzip ?? "")).toEqual(text);
    for (const bytes of Object.values(made)) expect(bytes.length).toBeLessThan(text.length / 4);
  });

  test("are not kept when they gain nothing", async () => {
    const noise = Array.from({ length: 100 }, (_, i) => createHash("sha256").update(String(i)).digest());
    expect(await makeVariants(Buffer.concat(noise), "text/plain")).toEqual({});
  });

  test("are not made of types that are compressed already", async () => {
    expect(await makeVariants(text, "image/png")).toEqual({});
  });
});
