import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { buildManifest } from "../src/products/assets/build-manifest.ts";
import { Contents } from "../src/products/assets/contents.ts";
import { OpenSites } from "../src/products/assets/open-sites.ts";
import { writeSite } from "../src/products/assets/testing-disk.ts";
import { directoryBlobs } from "../src/store/blobs.ts";

/** Memory that opening a site of so many files takes in a process, in MB, and the time of the opening. */
export async function tableCost(files: number): Promise<{ mb: number; openMs: number }> {
  const directory = mkdtempSync(join(tmpdir(), "fh-table-"));
  try {
    const blobs = join(directory, "blobs");
    const table = buildManifest(
      Array.from({ length: files }, (_, index) => ({
        path: `/assets/section-${index % 300}/chunk-${index.toString(36)}.js`,
        hash: index.toString(16).padStart(32, "0"),
        size: 1000 + index,
        contentType: "text/javascript; charset=utf-8",
      })),
    );
    const manifest = await directoryBlobs(blobs).put(table);
    const key = await writeSite({ blobs, assets: join(directory, "assets") }, {}, { manifest });
    const before = used();
    const startedAt = performance.now();
    const contents = new Contents({ root: join(directory, "assets"), maxBytes: 1024 * 1024, now: () => 0 });
    const sites = new OpenSites(directoryBlobs(blobs), contents);
    await sites.open(key);
    const openMs = performance.now() - startedAt;
    const mb = (used() - before) / 1024 / 1024;
    if (!sites.get(key)?.site.manifest.has("/assets/section-1/chunk-1.js")) throw new Error("the table lacks a file");
    return { mb, openMs };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function used(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
