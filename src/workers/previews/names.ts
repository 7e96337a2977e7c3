import { createHash } from "node:crypto";
import { MAX_LABEL_LENGTH } from "../limits.ts";

/** Digits of the hash that tells apart names which become the same. */
const HASH_LENGTH = 4;

/** What the first eight digits of a version look like; a preview of such a name could not be told from one. */
const VERSION_LIKE = /^[0-9a-f]{8}$/;

/**
 * What stands for a preview's name in host names: lower-case letters, digits and inner dashes, such that
 * `<slug>-<script>` is a DNS label. A name that had to be changed too much, or is `taken`, gets a hash of itself.
 */
export function previewSlug(name: string, script: string, taken: (slug: string) => boolean): string {
  const longest = Math.max(MAX_LABEL_LENGTH - script.length - 1, HASH_LENGTH);
  const plain = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
  if (plain !== "" && plain.length <= longest && !VERSION_LIKE.test(plain) && !taken(plain)) return plain;
  for (let turn = 0; ; turn++) {
    const hash = createHash("sha256").update(`${name}\n${turn}`).digest("hex").slice(0, HASH_LENGTH);
    const stem = plain.slice(0, longest - HASH_LENGTH - 1).replace(/-+$/, "");
    const slug = stem === "" ? `p${hash}`.slice(0, longest) : `${stem}-${hash}`;
    if (!taken(slug)) return slug;
  }
}
