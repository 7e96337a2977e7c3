import { createHash } from "node:crypto";
import { blake3 } from "@noble/hashes/blake3.js";
import { extensionOf } from "./upload-session.ts";

/** Files of a site: path to content. */
export type TestFiles = Record<string, string | Buffer>;

/** wrangler's hash of a file. */
export function wranglerHash(path: string, content: string | Buffer): string {
  const text = Buffer.from(content).toString("base64") + extensionOf(path);
  return Buffer.from(blake3(Buffer.from(text))).toString("hex", 0, 16);
}

/** The `manifest` that announces the files. */
export function announcement(
  files: TestFiles,
  hash: (path: string, content: string | Buffer) => string = wranglerHash,
): Record<string, { hash: string; size: number }> {
  return Object.fromEntries(
    Object.entries(files).map(([path, content]) => [
      path,
      { hash: hash(path, content), size: Buffer.from(content).length },
    ]),
  );
}

/** The form of a bulk upload: of these hashes, or of all files. */
export function bulkForm(files: TestFiles, hashes?: string[], types: Record<string, string> = {}): FormData {
  const form = new FormData();
  const sent = new Set<string>();
  for (const [path, content] of Object.entries(files)) {
    const hash = wranglerHash(path, content);
    if (sent.has(hash) || (hashes && !hashes.includes(hash))) continue;
    sent.add(hash);
    const type = types[path] ?? "text/html; charset=utf-8";
    form.append(hash, new File([Buffer.from(content).toString("base64")], hash, { type }));
  }
  return form;
}

/** The hash of clients that follow the documentation's example. */
export function shaHash(_: string, content: string | Buffer): string {
  return createHash("sha256").update(content).digest("hex").slice(0, 32);
}
