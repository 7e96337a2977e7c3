import { createHash, randomBytes } from "node:crypto";
import { open, rename } from "node:fs/promises";
import { z } from "zod";
import { isDiskFull } from "../../lib/disk-full.ts";
import { removeFile } from "../../lib/durable-file.ts";
import type { Platform } from "../../store/platform.ts";
import { signAddress, type Transfer } from "./api-address.ts";
import { callDatabase, type DatabaseKey } from "./api-call.ts";
import { openTransfer, pathOf, removeLater, removeStaleFiles, requireDirectory, requireRoom } from "./api-files.ts";
import { type Jobs, presentJob } from "./api-jobs.ts";
import { MAX_IMPORT_BYTES, ROOM_CHECK_BYTES } from "./api-limits.ts";
import {
  diskFull,
  importTooLarge,
  jobUnknown,
  malformed,
  uploadBroken,
  uploadMissing,
  wrongContent,
} from "./errors.ts";

const Etag = z.string().regex(/^[0-9a-fA-F]{32}$/, "must be an MD5 in hexadecimal");

/** The three steps of an import besides the upload (`wrangler-api.md` 5.4). */
export const ImportBody = z.discriminatedUnion("action", [
  z.object({ action: z.literal("init"), etag: Etag }),
  z.object({ action: z.literal("ingest"), filename: z.string(), etag: Etag }),
  z.object({ action: z.literal("poll"), current_bookmark: z.string().optional() }),
]);
export type ImportBody = z.infer<typeof ImportBody>;

/** The name holds the MD5 that was announced, so nothing else has to be remembered between the steps. */
const FILE = /^import-[0-9a-f]{16}-([0-9a-f]{32})\.sql$/;

/** Answers a step of an import. `request` tells by which origin the caller reaches the API. */
export async function importStep(
  platform: Platform,
  jobs: Jobs,
  key: DatabaseKey,
  body: ImportBody,
  request: Request,
): Promise<Record<string, unknown>> {
  switch (body.action) {
    case "init":
      return init(platform, key, body.etag.toLowerCase(), request);
    case "ingest":
      return ingest(platform, jobs, key, body.filename, body.etag.toLowerCase());
    case "poll": {
      const job = jobs.find("import", key.databaseId);
      if (!job) throw jobUnknown("import");
      return presentJob(job);
    }
  }
}

async function init(platform: Platform, key: DatabaseKey, etag: string, request: Request) {
  await removeStaleFiles(platform, key);
  const file = `import-${randomBytes(8).toString("hex")}-${etag}.sql`;
  const transfer: Transfer = { kind: "import", ...key, file };
  return { filename: file, upload_url: signAddress(platform, transfer, request, Date.now()) };
}

/**
 * Receives the file. It gets its name when all of it is on disk and has the MD5 that was announced, so half an
 * upload is never run. The caller has checked the address. Error 7400.
 */
export async function receiveImport(
  platform: Platform,
  key: DatabaseKey,
  file: string,
  request: Request,
): Promise<Response> {
  const etag = FILE.exec(file)?.[1];
  if (etag === undefined) throw malformed("the address names no file of an import.");
  const announced = Number(request.headers.get("content-length") ?? 0);
  if (announced > MAX_IMPORT_BYTES) throw importTooLarge();
  await requireDirectory(platform, key);
  // The file, and then what it makes of the database.
  await requireRoom(platform, 2 * announced);
  const path = pathOf(platform, key, file);
  // A name of its own for each try: two may come at once.
  const part = pathOf(platform, key, file.replace(/\.sql$/, `-${randomBytes(4).toString("hex")}.sql.part`));
  try {
    const received = await writeBody(platform, request, part);
    if (received !== etag) throw wrongContent(etag, received);
    await rename(part, path);
  } catch (error) {
    await removeFile(part);
    throw isDiskFull(error) ? diskFull() : error;
  }
  removeLater(path);
  return new Response(null, { status: 200, headers: { etag: `"${etag}"`, "cache-control": "no-store" } });
}

/** Writes the body to a new file, to disk, and answers its MD5 in hexadecimal. */
async function writeBody(platform: Platform, request: Request, path: string): Promise<string> {
  const hash = createHash("md5");
  const file = await open(path, "wx", 0o600);
  try {
    let size = 0;
    let checked = 0;
    const reader = request.body?.getReader();
    while (reader) {
      const { done, value } = await reader.read().catch(() => {
        throw uploadBroken();
      });
      if (done) break;
      size += value.byteLength;
      if (size > MAX_IMPORT_BYTES) throw importTooLarge();
      if (size - checked > ROOM_CHECK_BYTES) {
        await requireRoom(platform, 0);
        checked = size;
      }
      hash.update(value);
      await file.writeFile(value);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return hash.digest("hex");
}

async function ingest(platform: Platform, jobs: Jobs, key: DatabaseKey, file: string, etag: string) {
  const known = jobs.find("import", key.databaseId);
  // The same step again: its answer was lost.
  if (known?.mark === file) return presentJob(known);
  jobs.refuseBusy(key.databaseId);
  if (FILE.exec(file)?.[1] !== etag) throw uploadMissing(file);
  const path = pathOf(platform, key, file);
  const uploaded = await openTransfer(platform, key, file);
  if (!uploaded) throw uploadMissing(file);
  const { size } = await uploaded.stat().finally(() => uploaded.close());
  await requireRoom(platform, size);
  const { bookmark } = await callDatabase(platform, key, "bookmark", {});
  const job = jobs.start({ type: "import", mark: file, bookmark }, key, async () => {
    try {
      const reply = await callDatabase(platform, key, "import", { file });
      return { final_bookmark: reply.bookmark, num_queries: reply.queries, meta: reply.meta };
    } finally {
      await removeFile(path);
    }
  });
  return presentJob(job);
}
