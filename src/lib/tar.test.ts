import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { readTar, TarError, tarEnd, tarHeader, tarPadding } from "./tar.ts";

const directories: string[] = [];
afterEach(() => {
  for (const path of directories.splice(0)) rmSync(path, { recursive: true, force: true });
});

function archive(files: Record<string, string>): Buffer {
  const parts = Object.entries(files).flatMap(([name, text]) => {
    const content = Buffer.from(text);
    const header = tarHeader({ name, size: content.length, mode: 0o600, modifiedSeconds: 1_700_000_000 });
    return [header, content, tarPadding(content.length)];
  });
  return Buffer.concat([...parts, tarEnd]);
}

async function* inChunks(bytes: Buffer, length: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

async function unpack(bytes: Buffer, chunk = 1000): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const entry of readTar(inChunks(bytes, chunk))) {
    const parts: Buffer[] = [];
    for await (const part of entry.content()) parts.push(Buffer.from(part));
    found[entry.name] = Buffer.concat(parts).toString();
  }
  return found;
}

const long = `preview-state/${"a".repeat(36)}/${"b".repeat(32)}/${"c".repeat(64)}.sqlite`;
const files = { empty: "", "a/b.txt": "hello", [long]: "x".repeat(512), "ü/é": "y".repeat(1025) };

describe("tar archives", () => {
  test.each([1, 511, 512, 100_000])("what was written is read back, in chunks of %i bytes", async (chunk) => {
    expect(await unpack(archive(files), chunk)).toEqual(files);
  });

  test("sizes from 8 GiB on", async () => {
    const size = 9_000_000_000;
    const header = tarHeader({ name: "large", size, mode: 0o600, modifiedSeconds: 0 });
    const { value } = await readTar(inChunks(header, 512)).next();
    expect(value?.size).toBe(size);
  });

  test("a name that fits nowhere is refused", () => {
    expect(() => tarHeader({ name: "x".repeat(101), size: 0, mode: 0, modifiedSeconds: 0 })).toThrow(RangeError);
  });

  test.each([
    ["an archive without its end", archive(files).subarray(0, -1024)],
    ["a content cut short", archive(files).subarray(0, 1030)],
    ["a damaged header", Buffer.concat([Buffer.from("z"), archive(files).subarray(1)])],
    ["something else", Buffer.alloc(2000, "abc")],
  ])("%s is told", async (_what, bytes) => {
    await expect(unpack(bytes)).rejects.toThrow(TarError);
  });

  test.skipIf(!hasTar())("the tar program reads it", () => {
    const directory = mkdtempSync(join(tmpdir(), "fh-tar-"));
    directories.push(directory);
    writeFileSync(join(directory, "a.tar"), archive(files));
    execFileSync("tar", ["-xf", "a.tar"], { cwd: directory });
    for (const [name, text] of Object.entries(files)) expect(readFileSync(join(directory, name), "utf8")).toBe(text);
  });
});

function hasTar(): boolean {
  try {
    execFileSync("tar", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
