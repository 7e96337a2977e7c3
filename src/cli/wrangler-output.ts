/**
 * Loaded into wrangler's process by `freehold wrangler` (`node --import`): what it prints shows URLs that open.
 * Its terminal stays its own, so colours, prompts and keys work as without us.
 */
import { showWorkersUrls } from "./workers-url.ts";

const base = process.env.FREEHOLD_WORKERS_BASE ?? "";

for (const stream of [process.stdout, process.stderr]) {
  const write = stream.write.bind(stream) as (chunk: unknown, ...rest: unknown[]) => boolean;
  stream.write = (chunk: unknown, ...rest: unknown[]) => write(rewritten(chunk), ...rest);
}

function rewritten(chunk: unknown): unknown {
  if (typeof chunk === "string") return showWorkersUrls(chunk, base);
  // Latin-1 maps bytes to characters one to one, so other bytes stay as they are.
  if (chunk instanceof Uint8Array) {
    return Buffer.from(showWorkersUrls(Buffer.from(chunk).toString("latin1"), base), "latin1");
  }
  return chunk;
}
