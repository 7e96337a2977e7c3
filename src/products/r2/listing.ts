import { invalidArgument, invalidMaxKeys } from "./errors.ts";
import { LIST_BATCH, MAX_LIST_KEYS } from "./limits.ts";
import type { ListOptions, ListPage, R2Object } from "./model.ts";
import { objectOf, textOf } from "./object-rows.ts";
import type { BucketRows } from "./rows.ts";

const NOTHING = Buffer.alloc(0);
const ZERO = Buffer.from([0]);

/** Rows of one prefix that are passed over one by one, before the list jumps behind all of them. */
const PASSED_OVER = 16;

/** A page of a bucket: objects, and with a delimiter each prefix once, in the order of their bytes. */
export async function listObjects(rows: BucketRows, options: ListOptions): Promise<ListPage> {
  const { limit = MAX_LIST_KEYS, prefix = "", delimiter = "", startAfter, cursor } = options;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIST_KEYS) throw invalidMaxKeys();
  const start = Buffer.from(prefix);
  const separator = Buffer.from(delimiter);
  const to = successor(start);
  let from = largest(
    start,
    cursor ? parseCursor(cursor) : NOTHING,
    startAfter ? firstAfter(startAfter, start, separator) : NOTHING,
  );
  const page: ListPage = { objects: [], prefixes: [] };
  // Where prefixes are jumped over, most of a large batch would be read for nothing.
  let most = delimiter === "" ? LIST_BATCH : 2 * PASSED_OVER;
  for (;;) {
    const wanted = Math.min(most, limit - page.objects.length - page.prefixes.length + 1 + PASSED_OVER);
    const batch = await rows.list(from, to, wanted);
    let passedOver = 0;
    let jumped = false;
    for (const row of batch) {
      const key = row.key;
      // Behind a prefix that has been given.
      if (Buffer.compare(key, from) < 0) {
        if (++passedOver < PASSED_OVER) continue;
        jumped = true;
        break;
      }
      if (page.objects.length + page.prefixes.length === limit) return { ...page, cursor: cursorOf(key) };
      const end =
        delimiter === ""
          ? -1
          : Buffer.from(key.buffer as ArrayBuffer, key.byteOffset, key.byteLength).indexOf(separator, start.length);
      if (end < 0) {
        page.objects.push(objectOf(textOf(key), row) as R2Object);
        from = Buffer.concat([key, ZERO]);
      } else {
        const common = key.subarray(0, end + separator.length);
        page.prefixes.push(textOf(common));
        const next = successor(common);
        if (next === undefined) return page;
        from = next;
      }
    }
    if (!jumped && batch.length < wanted) return page;
    most = jumped ? 2 * PASSED_OVER : Math.min(LIST_BATCH, 4 * most);
  }
}

/** The first key after all that begin with the prefix; none for the empty one. UTF-8 has no byte 0xff, so there is no carry. */
export function successor(prefix: Uint8Array): Buffer | undefined {
  if (prefix.length === 0) return undefined;
  const end = Buffer.from(prefix);
  end[end.length - 1] = (end[end.length - 1] as number) + 1;
  return end;
}

/** Where a list begins that is to come after a key, or after a prefix that a page has given. */
function firstAfter(startAfter: string, prefix: Buffer, separator: Buffer): Buffer {
  const bytes = Buffer.from(startAfter);
  const isPrefix =
    separator.length > 0 &&
    bytes.length > prefix.length &&
    bytes.subarray(0, prefix.length).equals(prefix) &&
    bytes.indexOf(separator, prefix.length) === bytes.length - separator.length;
  return (isPrefix && successor(bytes)) || Buffer.concat([bytes, ZERO]);
}

function largest(...all: Buffer[]): Buffer {
  return all.reduce((most, one) => (Buffer.compare(one, most) > 0 ? one : most));
}

function cursorOf(key: Uint8Array): string {
  return Buffer.from(key).toString("base64url");
}

function parseCursor(cursor: string): Buffer {
  if (!/^[\w-]+$/.test(cursor)) throw invalidArgument("The cursor is not valid. Use the one of the page before.");
  return Buffer.from(cursor, "base64url");
}
