/** A tree of files and a large object with the tools that people use: rclone and s3cmd. */
import { createHash } from "node:crypto";
import { createReadStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { HeadObjectCommand, ListObjectsV2Command, paginateListObjectsV2, type S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AccessKey, createAccessKey, s3Client } from "./harness/s3.ts";
import { isInstalled, rclone, s3cmd, type Tool } from "./harness/s3-tools.ts";
import { usePlatform } from "./harness/suite.ts";

const platform = usePlatform();
/** 5,000 and 2,000 show it at the size of a real move. */
const FILES = Number(process.env.FREEHOLD_TEST_S3_FILES ?? 500);
const LARGE_MB = Number(process.env.FREEHOLD_TEST_S3_MB ?? 64);
const LONG = 120_000 + FILES * 200 + LARGE_MB * 300;

const root = mkdtempSync(join(tmpdir(), "fh-tree-"));
const tree = join(root, "tree");
const large = join(root, "large.bin");
let s3: S3Client;
let key: AccessKey;

beforeAll(async () => {
  key = await createAccessKey(platform());
  s3 = s3Client(platform(), key);
  for (let index = 0; index < FILES; index++) {
    const path = join(tree, `d${index % 17}`, `e ${index % 5}+ü`, `file-${index}.txt`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `file ${index}\n`.repeat(index % 300));
  }
  const block = Buffer.alloc(1_000_000);
  for (let mb = 0; mb < LARGE_MB; mb++) writeFileSync(large, block.fill(mb), { flag: "a" });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Number and bytes of what is in a bucket. */
async function totals(Bucket: string): Promise<[number, number]> {
  let [count, bytes] = [0, 0];
  for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, { Bucket })) {
    count += Contents.length;
    for (const { Size = 0 } of Contents) bytes += Size;
  }
  return [count, bytes];
}

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest("hex");
}

const missing = (program: string) => {
  if (isInstalled(program)) return false;
  console.warn(`skipped: ${program} is not installed (Debian: apt-get install ${program})`);
  return true;
};

describe.skipIf(missing("rclone"))("rclone", () => {
  let run: Tool;
  beforeAll(() => {
    run = rclone(platform(), key);
  });

  test("copies a tree, finds nothing to do the second time, and nothing that differs", { timeout: LONG }, async () => {
    await run("copy", tree, "freehold:rclone-tree", "--transfers", "16");
    expect((await totals("rclone-tree"))[0]).toBe(FILES);
    const again = await run("sync", tree, "freehold:rclone-tree", "-v", "--stats-one-line", "--checkers", "16");
    expect(again).toMatch(/There was nothing to transfer/);
    expect(await run("check", tree, "freehold:rclone-tree", "-v", "--checkers", "16")).toMatch(/0 differences found/);
    rmSync(join(tree, "d1"), { recursive: true });
    await run("sync", tree, "freehold:rclone-tree", "--checkers", "16");
    const listed = await run("lsf", "-R", "--files-only", "freehold:rclone-tree");
    expect(
      listed
        .trim()
        .split("\n")
        .filter((line) => line.startsWith("d1/")),
    ).toEqual([]);
    await run("check", tree, "freehold:rclone-tree", "--checkers", "16");
  });

  test("moves a large file in parts, there and back", { timeout: LONG }, async () => {
    await run("copyto", large, "freehold:rclone-tree/large.bin", "--s3-upload-cutoff", "16M", "--s3-chunk-size", "16M");
    const head = await s3.send(new HeadObjectCommand({ Bucket: "rclone-tree", Key: "large.bin" }));
    expect([head.ContentLength, head.ETag]).toEqual([LARGE_MB * 1_000_000, expect.stringMatching(/-\d+"$/)]);
    await run("copyto", "freehold:rclone-tree/large.bin", join(root, "back.bin"));
    expect(await sha256(join(root, "back.bin"))).toBe(await sha256(large));
    await run("purge", "freehold:rclone-tree");
  });
});

describe.skipIf(missing("s3cmd"))("s3cmd", () => {
  let run: Tool;
  // It takes its time for each file.
  const part = FILES > 500 ? tree : join(tree, "d2");
  beforeAll(() => {
    run = s3cmd(platform(), key);
  });

  test("copies a tree, finds nothing to do the second time", { timeout: LONG }, async () => {
    await run("mb", "s3://s3cmd-tree");
    await run("sync", `${part}/`, "s3://s3cmd-tree/tree/");
    const [count, bytes] = await totals("s3cmd-tree");
    expect(count).toBeGreaterThan(FILES / 20);
    expect(await run("sync", `${part}/`, "s3://s3cmd-tree/tree/")).not.toMatch(/upload:/);
    expect(await run("du", "s3://s3cmd-tree")).toMatch(new RegExp(`^\\s*${bytes}\\s+${count} objects`));
    const back = join(root, "back");
    mkdirSync(back);
    await run("sync", "s3://s3cmd-tree/tree/", `${back}/`);
    expect(await run("sync", `${back}/`, "s3://s3cmd-tree/tree/")).not.toMatch(/upload:/);
  });

  test("moves a large file in parts, there and back, and removes all", { timeout: LONG }, async () => {
    await run("put", large, "s3://s3cmd-tree/large.bin", "--multipart-chunk-size-mb=15");
    expect(await run("info", "s3://s3cmd-tree/large.bin")).toContain(String(LARGE_MB * 1_000_000));
    await run("cp", "s3://s3cmd-tree/large.bin", "s3://s3cmd-tree/copy.bin");
    await run("get", "s3://s3cmd-tree/copy.bin", join(root, "copy.bin"));
    expect(await sha256(join(root, "copy.bin"))).toBe(await sha256(large));
    await run("rm", "--recursive", "--force", "s3://s3cmd-tree");
    expect((await s3.send(new ListObjectsV2Command({ Bucket: "s3cmd-tree" }))).KeyCount).toBe(0);
    await run("rb", "s3://s3cmd-tree");
  });
});
