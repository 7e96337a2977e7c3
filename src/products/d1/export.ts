import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { z } from "zod";
import { removeFile } from "../../lib/durable-file.ts";
import type { Platform } from "../../store/platform.ts";
import { signAddress, type Transfer } from "./api-address.ts";
import { callDatabase, type DatabaseKey } from "./api-call.ts";
import { openTransfer, pathOf, removeLater, removeOtherExports, removeStaleFiles, requireRoom } from "./api-files.ts";
import { type Jobs, presentJob } from "./api-jobs.ts";
import { MAX_EXPORT_TABLES } from "./api-limits.ts";
import { exportGone, jobUnknown, malformed } from "./errors.ts";

/** What to export, and with `current_bookmark` the question how far it is (`wrangler-api.md` 5.4). */
export const ExportBody = z.object({
  output_format: z.literal("polling"),
  dump_options: z
    .object({
      no_schema: z.boolean().nullish(),
      no_data: z.boolean().nullish(),
      tables: z.array(z.string()).max(MAX_EXPORT_TABLES).nullish(),
    })
    .nullish(),
  current_bookmark: z.string().nullish(),
});
export type ExportBody = z.infer<typeof ExportBody>;

const FILE = /^export-[0-9a-f]{32}\.sql$/;

/** Starts an export or answers how far it is. `request` tells by which origin the caller reaches the API. */
export async function exportStep(
  platform: Platform,
  jobs: Jobs,
  key: DatabaseKey,
  { dump_options, current_bookmark }: ExportBody,
  request: Request,
): Promise<Record<string, unknown>> {
  if (current_bookmark) {
    const job = jobs.find("export", key.databaseId);
    if (!job) throw jobUnknown("export");
    return presentJob(job);
  }
  const options = {
    schema: !dump_options?.no_schema,
    data: !dump_options?.no_data,
    tables: dump_options?.tables ?? [],
  };
  if (!options.schema && !options.data) throw malformed('"no_schema" and "no_data" together leave nothing to export.');
  return presentJob(await start(platform, jobs, key, options, request));
}

async function start(
  platform: Platform,
  jobs: Jobs,
  key: DatabaseKey,
  options: { schema: boolean; data: boolean; tables: string[] },
  request: Request,
) {
  const mark = JSON.stringify(options);
  const known = jobs.find("export", key.databaseId);
  if (known?.mark === mark && !known.outcome) return known;
  jobs.refuseBusy(key.databaseId);
  await removeStaleFiles(platform, key);
  // The text is about as large as the database.
  await requireRoom(platform, (await callDatabase(platform, key, "info", {})).fileBytes);
  const { bookmark } = await callDatabase(platform, key, "bookmark", {});
  const file = `export-${randomBytes(16).toString("hex")}.sql`;
  const path = pathOf(platform, key, file);
  return jobs.start({ type: "export", mark, bookmark }, key, async () => {
    try {
      // Not before: until now another export might have been the one to run.
      await removeOtherExports(platform, key, file);
      await callDatabase(platform, key, "export", { file, ...options });
    } catch (error) {
      await removeFile(path);
      throw error;
    }
    removeLater(path);
    const transfer: Transfer = { kind: "export", ...key, file };
    return { filename: file, signed_url: signAddress(platform, transfer, request, Date.now()) };
  });
}

/** Streams an exported file. The caller has checked the address. Error 7404. */
export async function sendExport(platform: Platform, key: DatabaseKey, file: string): Promise<Response> {
  if (!FILE.test(file)) throw malformed("the address names no file of an export.");
  const handle = await openTransfer(platform, key, file);
  if (!handle) throw exportGone();
  const { size } = await handle.stat();
  const body = Readable.toWeb(handle.createReadStream()) as ReadableStream<Uint8Array>;
  return new Response(body, {
    headers: {
      "content-type": "application/sql; charset=utf-8",
      "content-length": String(size),
      "content-disposition": `attachment; filename="${file}"`,
      "cache-control": "private, no-store",
    },
  });
}
