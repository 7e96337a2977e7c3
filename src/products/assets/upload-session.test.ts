import { describe, expect, test } from "vitest";
import { ApiError } from "../../lib/api.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import { checkManifest, extensionOf, makeBuckets, missingFiles } from "./upload-session.ts";

const H1 = "1".repeat(32);
const H2 = "2".repeat(32);

function refusal(manifest: unknown, limits = DEFAULT_LIMITS): { status: number; code: number; message: string } {
  try {
    checkManifest(manifest, limits);
  } catch (error) {
    if (error instanceof ApiError) return { status: error.status, ...error.failures[0] };
    throw error;
  }
  throw new Error("accepted");
}

test("a manifest is read as it is", () => {
  const manifest = {
    "/index.html": { hash: H1, size: 11 },
    "/a b/é.txt": { hash: H2, size: 0 },
    "/copy.html": { hash: H1, size: 11 },
  };
  expect(checkManifest(manifest, DEFAULT_LIMITS)).toEqual(
    Object.entries(manifest).map(([path, file]) => ({ path, ...file })),
  );
  expect(checkManifest({}, DEFAULT_LIMITS)).toEqual([]);
});

test.each<[manifest: unknown, code: number, message: string]>([
  [undefined, 10021, "object"],
  [null, 10021, "object"],
  [[], 10021, "object"],
  ["x", 10021, "object"],
  [{ "index.html": { hash: H1, size: 1 } }, 10021, "slash"],
  [{ "": { hash: H1, size: 1 } }, 10021, "slash"],
  [{ "/a\0b": { hash: H1, size: 1 } }, 10021, "NUL"],
  [{ [`/${"x".repeat(5000)}`]: { hash: H1, size: 1 } }, 10021, "longer than"],
  [{ "/a": null }, 10021, "32 lower-case hex"],
  [{ "/a": { size: 1 } }, 10021, "32 lower-case hex"],
  [{ "/a": { hash: "1".repeat(31), size: 1 } }, 10021, "32 lower-case hex"],
  [{ "/a": { hash: "A".repeat(32), size: 1 } }, 10021, "32 lower-case hex"],
  [{ "/a": { hash: `${H1}\n`, size: 1 } }, 10021, "32 lower-case hex"],
  [{ "/a": { hash: H1 } }, 10021, "size"],
  [{ "/a": { hash: H1, size: -1 } }, 10021, "size"],
  [{ "/a": { hash: H1, size: 1.5 } }, 10021, "size"],
  [{ "/a": { hash: H1, size: "1" } }, 10021, "size"],
  [{ "/a": { hash: H1, size: 25 * 1024 * 1024 + 1 } }, 10021, "at most 26214400"],
  [{ "/a": { hash: H1, size: 1 }, "/b": { hash: H1, size: 2 } }, 10021, "another size"],
])("%j is refused", (manifest, code, message) => {
  const { code: given, message: text } = refusal(manifest);
  expect([given, text]).toEqual([code, expect.stringContaining(message)]);
});

test("too many files are error 10304", () => {
  const manifest = { "/a": { hash: H1, size: 1 }, "/b": { hash: H1, size: 1 } };
  expect(refusal(manifest, { ...DEFAULT_LIMITS, files: 1 })).toMatchObject({ status: 413, code: 10304 });
});

test("a file of exactly 25 MiB is allowed", () => {
  expect(checkManifest({ "/a": { hash: H1, size: 25 * 1024 * 1024 } }, DEFAULT_LIMITS)).toHaveLength(1);
});

test("missing files are named once", () => {
  const files = [
    { path: "/a", hash: H1, size: 1 },
    { path: "/b", hash: H1, size: 1 },
    { path: "/c", hash: H2, size: 2 },
  ];
  expect([...missingFiles(files, (hash) => hash === H2)]).toEqual([[H1, 1]]);
  expect(missingFiles(files, () => true).size).toBe(0);
});

describe("buckets", () => {
  const MIB = 1024 * 1024;
  const files = (count: number, size: number) =>
    new Map(Array.from({ length: count }, (_, i) => [i.toString(16).padStart(32, "0"), size]));

  test("none for nothing", () => expect(makeBuckets(new Map(), DEFAULT_LIMITS)).toEqual([]));
  test("one for one", () => expect(makeBuckets(files(1, 5), DEFAULT_LIMITS)).toHaveLength(1));
  test("few files fill the client's three uploads", () =>
    expect(makeBuckets(files(6, 5), DEFAULT_LIMITS)).toHaveLength(3));
  test("many small files: at most 2,000 each", () => {
    const buckets = makeBuckets(files(20_000, 1000), DEFAULT_LIMITS);
    expect(buckets.map((bucket) => bucket.length)).toEqual(Array(10).fill(2000));
  });
  test("large files: at most 50 MiB each", () => {
    const buckets = makeBuckets(files(40, 10 * MIB), DEFAULT_LIMITS);
    expect(Math.max(...buckets.map((bucket) => bucket.length))).toBe(5);
  });
  test("every hash once", () => {
    const missing = new Map([...files(500, 3)].map(([hash], i) => [hash, (i * 7919) % (9 * MIB)]));
    expect(makeBuckets(missing, DEFAULT_LIMITS).flat().sort()).toEqual([...missing.keys()].sort());
  });
  test("a file of zero bytes", () => expect(makeBuckets(files(5, 0), DEFAULT_LIMITS).flat()).toHaveLength(5));
});

test.each([
  ["/a.html", "html"],
  ["/a", ""],
  ["/.gitignore", ""],
  ["/a.b/c", ""],
  ["/a.", ""],
  ["/a.tar.gz", "gz"],
  ["/..a", "a"],
])("the extension of %s is %j", (path, extension) => expect(extensionOf(path)).toBe(extension));
