import type { Head } from "../../lib/http/head.ts";

/** A header of a message: its name in lower case, and its value as Latin-1 text. */
export type Field = readonly [name: string, value: string];

/** Every field of a parsed head, in order. */
export function fieldsOf(head: Head): Field[] {
  const fields: Field[] = [];
  for (let index = 0; index < head.count; index++) {
    const name = head.bytes.toString("latin1", head.lineStarts[index], head.nameEnds[index]).toLowerCase();
    fields.push([name, head.value(index)]);
  }
  return fields;
}

/** All values of a name, joined as a list (RFC 9110 5.3); undefined when there is none. */
export function listOf(fields: readonly Field[], name: string): string | undefined {
  const values = fields.filter(([known]) => known === name).map(([, value]) => value);
  return values.length === 0 ? undefined : values.join(", ");
}

/** Lower-case tokens of a list. */
export function tokensOf(list: string): string[] {
  return list
    .toLowerCase()
    .split(",")
    .map((token) => token.trim())
    .filter(Boolean);
}

/** Directives of `Cache-Control` by lower-case name; the value is empty for one without. The first of a name counts. */
export function directivesOf(list: string): Map<string, string> {
  const directives = new Map<string, string>();
  for (const [, name = "", quoted, plain] of list.matchAll(/([^\s,=]+)(?:\s*=\s*(?:"([^"]*)"|([^\s,]*)))?/g)) {
    const key = name.toLowerCase();
    if (!directives.has(key)) directives.set(key, quoted ?? plain ?? "");
  }
  return directives;
}
