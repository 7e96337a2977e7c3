import { expect, test } from "vitest";
import { seededRandom } from "./seeded-random.ts";
import { parseToml } from "./toml.ts";
import { editToml } from "./toml-edit.ts";

test("reads every form of value, key and table", () => {
  const text = `# a shop
name = "shop" # its name
"quoted key" = 'C:\\raw'
a.b.c = 1_000
hex = 0xff
float = -1.5e3
yes = true
date = 1979-05-27 07:32:00Z
text = """
one \\
   two "quotes" \\u00e9"""
raw = '''
x'y'''
list = [ 1, # one
  [2, 3],
]
point = { x = 1, y.z = "2" }

[vars]
A = "1"

[[kv_namespaces]]
binding = "KV"
[[kv_namespaces]]
binding = "KV2"

[env.preview.vars]
A = "2"
[[env.preview.list]]
[env.preview.list.inner]
x = 1
`;
  expect(parseToml(text.replaceAll("\n", "\r\n"))).toEqual(parseToml(text));
  expect(parseToml(text)).toEqual({
    ...{ name: "shop", "quoted key": "C:\\raw", a: { b: { c: 1000 } }, hex: 255, float: -1500, yes: true },
    ...{ date: "1979-05-27 07:32:00Z", text: 'one two "quotes" é', raw: "x'y", list: [1, [2, 3]] },
    ...{ point: { x: 1, y: { z: "2" } }, vars: { A: "1" }, kv_namespaces: [{ binding: "KV" }, { binding: "KV2" }] },
    env: { preview: { vars: { A: "2" }, list: [{ inner: { x: 1 } }] } },
  });
});

test.each([
  "a",
  "a =",
  "a = 1 b = 2",
  "a = 1\na = 2",
  "a = 1\n[a]",
  "[a",
  "a = [1 2]",
  'a = "x',
  "a = what",
  "= 1",
  "a = '''x",
])("refuses %j", (text) => expect(() => parseToml(text)).toThrow(SyntaxError));

const FILE = `# the shop
name = "shop"
pages_build_output_dir = "dist" # where it is
compatibility_date = "2026-01-01"

# what it greets with
[vars]
A = "1" # one
B = "2"

[[kv_namespaces]]
binding = "KV"
id = "x"

[env.preview.vars]
A = "3"
`;

test("keeps comments, order and what is not changed", () => {
  const { pages_build_output_dir: _, ...values } = parseToml(FILE);
  const wanted = {
    ...values,
    main: "build/index.js",
    vars: { A: "one", B: "2", C: 'say "hi"' },
    kv_namespaces: [{ binding: "KV", id: "x" }],
    assets: { directory: "dist", run_worker_first: ["/api", "/api/*"] },
    migrations: [{ tag: "v1", new_sqlite_classes: ["A"], transferred_classes: [{ from: "B", to: "B" }] }],
    env: { preview: { vars: { A: "3" }, routes: [], triggers: { crons: [] } } },
  };
  const after = editToml(FILE, wanted);
  expect(parseToml(after)).toEqual(wanted);
  expect(after).toBe(`# the shop
name = "shop"
compatibility_date = "2026-01-01"
main = "build/index.js"

# what it greets with
[vars]
A = "one" # one
B = "2"
C = "say \\"hi\\""

[[kv_namespaces]]
binding = "KV"
id = "x"

[env.preview.vars]
A = "3"

[env.preview]
routes = []

[env.preview.triggers]
crons = []

[assets]
directory = "dist"
run_worker_first = ["/api", "/api/*"]

[[migrations]]
tag = "v1"
new_sqlite_classes = ["A"]
transferred_classes = [{ from = "B", to = "B" }]
`);
});

test.each<[string, string, Record<string, unknown>, string]>([
  ["nothing", FILE, parseToml(FILE), FILE],
  ["no line end", "a = 1", { a: 1, b: 2 }, "a = 1\nb = 2"],
  ["an empty file", "", { a: 1, t: { b: 2 } }, "a = 1\n\n[t]\nb = 2\n"],
  ["tables alone", "# x\n[t]\nb = 2\n", { a: 1, t: { b: 2 } }, "# x\na = 1\n[t]\nb = 2\n"],
  ["dotted keys", 'vars.A = "1"\nx = 1\n', { vars: { A: "1", B: "2" }, x: 1 }, 'vars.A = "1"\nvars.B = "2"\nx = 1\n'],
  ["a table on one line", "a = { b = 1 }\n", { a: { b: 2, c: [3] } }, "a = { b = 2, c = [3] }\n"],
  [
    "a list of tables",
    "[[a]]\nb = 1\n\n[c]\nd = 1\n",
    { a: [{ b: 2 }], c: { d: 1 } },
    "\n[c]\nd = 1\n\n[[a]]\nb = 2\n",
  ],
  [
    "lines of another system",
    "a = 1\r\n[t]\r\nb = 1\r\n",
    { a: 2, t: { b: 1, c: 2 } },
    "a = 2\r\n[t]\r\nb = 1\r\nc = 2\r\n",
  ],
  ["a list over lines", "a = [\n  1, # one\n]\nb = 1\n", { b: 1 }, "b = 1\n"],
])("%s", (_what, text, wanted, after) => {
  expect(editToml(text, wanted)).toBe(after);
  expect(parseToml(after)).toEqual(wanted);
});

test("whatever the file and the change, the values are those that were wanted", () => {
  const random = seededRandom(11);
  const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T;
  const value = (depth: number): unknown => {
    const kind = depth > 3 ? 0 : random(5);
    const size = random(4);
    if (kind === 1) return Array.from({ length: size }, () => pick([1, "x # y", true]));
    if (kind === 2) return Array.from({ length: size }, () => table(depth + 1));
    if (kind >= 3) return table(depth + 1);
    return pick([1, "x # y", true, -2.5, "]\n[[", "é\\"]);
  };
  const table = (depth: number): Record<string, unknown> =>
    Object.fromEntries(Array.from({ length: random(4) }, () => [pick(["a", "b", "c.d", "é"]), value(depth)]));
  for (let round = 0; round < 3_000; round++) {
    const [first, second, third] = [table(0), table(0), table(0)];
    let text = editToml("# start\n", first).replace(/\n(?=\[|\w+ =)/g, () => pick(["\n", "\n# said\n", "\n\n"]));
    expect(parseToml(text)).toEqual(first);
    for (const wanted of [second, { ...second, ...third }]) {
      text = editToml(text, wanted);
      expect(parseToml(text), text).toEqual(wanted);
    }
  }
});
