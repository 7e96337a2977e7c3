import { join } from "node:path";
import type { Form } from "./conditional.ts";

const EXTENSIONS: Record<Form, string> = { identity: "", br: ".br", zstd: ".zst", gzip: ".gz" };

/**
 * File of one form of a content: `<root>/<account>/<2 hex>/<30 hex>`, encoded forms with `.br`, `.zst` or `.gz`.
 * `root` is `paths.assets`. Encoded forms are made some time after the content, or never.
 */
export function contentPath(root: string, accountId: string, hash: string, form: Form = "identity"): string {
  return join(root, accountId, hash.slice(0, 2), hash.slice(2) + EXTENSIONS[form]);
}

/** Directory of files that are being written. Same file system as the contents; emptied at each start. */
export function draftsPath(root: string): string {
  return join(root, "drafts");
}
