/** What every driver of contents does. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestS3, type TestS3 } from "../s3/testing-server.ts";
import { chunksOf } from "./content-bytes.ts";
import { type Contents, newContentName } from "./contents.ts";
import { DirectoryContents } from "./directory-contents.ts";
import { S3Contents } from "./s3-contents.ts";

let root: string;
let s3: TestS3;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "freehold-contents-"));
  s3 = await startTestS3();
});
afterAll(async () => {
  await s3.close();
  rmSync(root, { recursive: true, force: true });
});

const drivers: [string, () => Contents][] = [
  ["DirectoryContents", () => new DirectoryContents(join(root, "contents"))],
  [
    "DirectoryContents without links",
    () =>
      new DirectoryContents(join(root, "unlinked"), async () => {
        throw Object.assign(new Error("too many links"), { code: "EMLINK" });
      }),
  ],
  ["S3Contents", () => new S3Contents({ ...s3, prefix: "contents/" })],
];

describe.each(drivers)("%s", (_, open) => {
  const write = async (contents: Contents, bytes: Buffer, step: number) => {
    const name = newContentName();
    const writer = contents.create(name);
    const chunk = Buffer.alloc(step);
    for (let at = 0; at < bytes.length; at += step) {
      const length = bytes.copy(chunk, 0, at, at + step);
      await writer.write(chunk.subarray(0, length));
    }
    await writer.finish();
    return name;
  };
  const read = async (contents: Contents, name: string, offset: number, length: number) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of chunksOf(await contents.read(name, offset, length))) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks);
  };

  test.each([
    ["small", 100, 100],
    ["of several writes", 1_000_000, 70_000],
    ["of several parts", 20_000_001, 1_000_000],
    ["of whole parts", 16 * 1024 * 1024, 4 * 1024 * 1024],
  ])("a content %s comes back, whole and in ranges", async (_, size, step) => {
    const contents = open();
    const bytes = randomBytes(size);
    const name = await write(contents, bytes, step);
    expect((await read(contents, name, 0, size)).equals(bytes)).toBe(true);
    const [offset, length] = [Math.floor(size / 3), Math.ceil(size / 2)];
    expect((await read(contents, name, offset, length)).equals(bytes.subarray(offset, offset + length))).toBe(true);
    await contents.remove(name);
  });

  test("nothing is there before it is finished, nor after it is abandoned", async () => {
    const contents = open();
    for (const size of [10, 10_000_000]) {
      const name = newContentName();
      const writer = contents.create(name);
      await writer.write(Buffer.alloc(size));
      await expect((async () => read(contents, name, 0, size))()).rejects.toThrow();
      await writer.abandon();
      await expect((async () => read(contents, name, 0, size))()).rejects.toThrow();
    }
  });

  test("a copy is a content of its own", async () => {
    const contents = open();
    const from = await write(contents, Buffer.from("content"), 3);
    const to = newContentName();
    await contents.copy(from, to);
    await contents.remove(from);
    await contents.remove(from);
    expect((await read(contents, to, 3, 4)).toString()).toBe("tent");
    await expect((async () => read(contents, from, 0, 1))()).rejects.toThrow();
  });

  test("a copy of what is not there fails, and is not there", async () => {
    const contents = open();
    const to = newContentName();
    await expect(contents.copy(newContentName(), to)).rejects.toThrow();
    await expect((async () => read(contents, to, 0, 1))()).rejects.toThrow();
  });

  test("a name that is none is refused", async () => {
    const contents = open();
    expect(() => contents.create("../x")).toThrow(RangeError);
    await expect((async () => contents.remove("x"))()).rejects.toThrow(RangeError);
  });
});
