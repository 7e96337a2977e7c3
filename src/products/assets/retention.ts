import type { Manifest } from "./manifest.ts";
import type { AssetFile } from "./manifest-format.ts";

/**
 * The files of a version together with those of earlier versions that it lacks, so that pages already open find their
 * hashed files after a deploy (workers-semantics.md 2.9). `earlier` is newest first: of a path that several have, the
 * newest counts. At most `limit` files: retained ones beyond are left out, the oldest versions' first.
 * Build a table of the result; what a version serves then stays one look-up.
 */
export function withRetained(current: Manifest, earlier: readonly Manifest[], limit: number): AssetFile[] {
  const files = [...current.files()];
  const retained = new Set<string>();
  for (const manifest of earlier) {
    for (const file of manifest.files()) {
      if (files.length >= limit) return files;
      if (current.has(file.path) || retained.has(file.path)) continue;
      retained.add(file.path);
      files.push(file);
    }
  }
  return files;
}
