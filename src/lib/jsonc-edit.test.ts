import { expect, test } from "vitest";
import { parseJsonc } from "./jsonc.ts";
import { editJsonc } from "./jsonc-edit.ts";
import { seededRandom } from "./seeded-random.ts";

const edited = (text: string, change: (values: Record<string, unknown>) => void): string => {
  const values = parseJsonc(text) as Record<string, unknown>;
  change(values);
  const after = editJsonc(text, values);
  expect(parseJsonc(after)).toEqual(values);
  return after;
};

const FILE = `{
  // what it is called
  "name": "shop", // the shop
  "pages_build_output_dir": "./dist", // where it is
  "vars": { "A": "1", "B": { "c": [1, 2] } },
  "kv_namespaces": [{ "binding": "KV", "id": "x" }],
  /* flags */
  "compatibility_flags": ["nodejs_compat"],
}
`;

test("keeps comments, one-line values, the comma at the end, and what is not changed", () => {
  const after = edited(FILE, (values) => {
    delete values.pages_build_output_dir;
    (values.vars as Record<string, unknown>).A = "2";
    (values.kv_namespaces as unknown[]).push({ binding: "KV2", id: "y" });
    values.assets = { directory: "dist", run_worker_first: ["/api", "/api/*"] };
  });
  expect(after).toBe(`{
  // what it is called
  "name": "shop", // the shop
  "vars": { "A": "2", "B": { "c": [1, 2] } },
  "kv_namespaces": [{ "binding": "KV", "id": "x" }, { "binding": "KV2", "id": "y" }],
  /* flags */
  "compatibility_flags": ["nodejs_compat"],
  "assets": {
    "directory": "dist",
    "run_worker_first": ["/api", "/api/*"]
  },
}
`);
});

test.each<[string, string, Record<string, unknown>, string]>([
  [
    "tabs and line ends",
    '{\r\n\t"a": 1\r\n}\r\n',
    { a: 1, b: { c: 2 } },
    '{\r\n\t"a": 1,\r\n\t"b": {\r\n\t\t"c": 2\r\n\t}\r\n}\r\n',
  ],
  ["a comment behind the last value", '{\n  "a": 1 // one\n}', { a: 1, b: 2 }, '{\n  "a": 1, // one\n  "b": 2\n}'],
  ["the last one taken away", '{\n  "a": 1, // one\n  "b": 2 // two\n}', { a: 1 }, '{\n  "a": 1 // one\n}'],
  ["the last one in place of another", '{\n  "a": 1,\n  "b": 2\n}', { a: 1, c: 3 }, '{\n  "a": 1,\n  "c": 3\n}'],
  ["the first one taken away", '{\n  "a": 1,\n  "b": 2\n}', { b: 2 }, '{\n  "b": 2\n}'],
  ["one line", '{ "a": 1, "b": 2 }', { a: 1 }, '{ "a": 1 }'],
  ["one line, more", '{"a": 1, "b": 2}', { b: 2, c: [1] }, '{"b": 2, "c": [1]}'],
  ["one line, the last in place of another", '{ "a": 1, "b": 2 }', { a: 1, c: 3 }, '{ "a": 1, "c": 3 }'],
  ["two on a line", '{\n  "a": 1, "b": 2,\n  "c": 3\n}', { b: 2, c: 3 }, '{\n  "b": 2,\n  "c": 3\n}'],
  ["nothing left", '{\n  "a": 1\n}', { b: 2 }, '{\n  "b": 2\n}'],
  ["empty", "{}\n", { a: 1 }, '{\n  "a": 1\n}\n'],
  ["a list that shrinks", '{ "a": [\n  1,\n  2\n] }', { a: [2] }, '{ "a": [2] }'],
  ["nothing at all", '// x\n{"a":1,}', { a: 1 }, '// x\n{"a":1,}'],
  ["signs of comments in texts", '{\n  "a": "//,}", // ,\n  "b": "/*"\n}', { b: "*/" }, '{\n  "b": "*/"\n}'],
])("%s", (_what, text, wanted, after) => {
  expect(editJsonc(text, wanted)).toBe(after);
  expect(parseJsonc(after)).toEqual(wanted);
});

test("whatever the file and the change, the values are those that were wanted", () => {
  const random = seededRandom(7);
  const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T;
  const value = (depth: number): unknown => {
    const kind = depth > 2 ? 0 : random(4);
    const size = random(4);
    if (kind === 1) return Array.from({ length: size }, () => value(depth + 1));
    if (kind >= 2)
      return Object.fromEntries(Array.from({ length: size }, () => [pick("abcde".split("")), value(depth + 1)]));
    return pick([1, "x // y", true, null, "}", "é"]);
  };
  const space = () => pick(["", " ", "\n", "\n  ", " /* c, } */ ", " // c ]\n", "\r\n"]);
  const written = (one: unknown): string => {
    const list = (open: string, parts: string[], close: string) =>
      `${open}${space()}${parts.join(`${space()},${space()}`)}${parts.length > 0 ? pick(["", ","]) : ""}${space()}${close}`;
    if (Array.isArray(one)) return list("[", one.map(written), "]");
    if (typeof one !== "object" || one === null) return JSON.stringify(one);
    return list(
      "{",
      Object.entries(one).map(([key, inner]) => `"${key}"${space()}:${space()}${written(inner)}`),
      "}",
    );
  };
  for (let round = 0; round < 3_000; round++) {
    const [before, after] = [
      { a: value(1), b: value(0), c: value(0) },
      { a: value(1), b: value(0), d: value(0) },
    ];
    const text = written(before);
    expect(parseJsonc(text)).toEqual(before);
    expect(parseJsonc(editJsonc(text, after)), `${text} -> ${JSON.stringify(after)}`).toEqual(after);
  }
});
