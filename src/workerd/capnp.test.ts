import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { capnpText } from "./capnp.ts";
import { Embed, VOID, type WorkerdConfig } from "./config.ts";
import { workerdPath } from "./testing.ts";

test("a config becomes text, field by field", () => {
  const config: WorkerdConfig = {
    v8Flags: ["--max-old-space-size=128"],
    services: [
      {
        name: "user",
        worker: {
          modules: [{ name: "index.js", esModule: new Embed("m/0") }],
          compatibilityDate: "2026-11-01",
          compatibilityFlags: [],
          bindings: [
            { name: "A", text: "it's" },
            { name: "B", service: { name: "link", entrypoint: "Link", props: { json: '{"a":"\\n"}' } } },
            { name: "C", workerdDebugPort: VOID },
          ],
        },
      },
      { name: "health", disk: { path: "/empty", writable: false } },
    ],
    sockets: [{ name: "http", address: "unix:/s/http.sock", http: {}, service: "user" }],
  };
  expect(capnpText(config)).toBe(
    'using Workerd = import "/workerd/workerd.capnp";\n' +
      'const config :Workerd.Config = (v8Flags = ["--max-old-space-size=128"], services = [' +
      '(name = "user", worker = (modules = [(name = "index.js", esModule = embed "m/0")], ' +
      'compatibilityDate = "2026-11-01", compatibilityFlags = [], bindings = [(name = "A", text = "it\'s"), ' +
      '(name = "B", service = (name = "link", entrypoint = "Link", props = (json = "{\\"a\\":\\"\\\\n\\"}"))), ' +
      '(name = "C", workerdDebugPort = void)])), ' +
      '(name = "health", disk = (path = "/empty", writable = false))], ' +
      'sockets = [(name = "http", address = "unix:/s/http.sock", http = (), service = "user")]);\n',
  );
});

test.each([
  ["quotes and backslashes", '"\\', '"\\"\\\\"'],
  ["control characters", "a\0\n\x7f", '"a\\x00\\x0a\\x7f"'],
  ["other scripts, as UTF-8", "é😀", '"\\xc3\\xa9\\xf0\\x9f\\x98\\x80"'],
  ["hex digits after an escape", "\u00e9f", '"\\xc3\\xa9f"'],
  ["half a character", "\ud800", '"\\xef\\xbf\\xbd"'],
])("%s are escaped", (_name, text, literal) => {
  const config = { services: [], sockets: [], v8Flags: [text] };
  expect(capnpText(config)).toContain(`v8Flags = [${literal}]`);
});

test("a value that no field can hold is refused", () => {
  expect(() => capnpText({ services: [], sockets: [], v8Flags: [1.5 as unknown as string] })).toThrow(TypeError);
  expect(() => capnpText({ services: [], sockets: [], v8Flags: [null as unknown as string] })).toThrow(TypeError);
});

test("what goes in comes out: workerd reads every text as it was", async () => {
  const random = generator(7);
  const texts = Array.from({ length: 300 }, () => randomText(random));
  const directory = await mkdtemp(join(tmpdir(), "fh-capnp-"));
  try {
    const path = join(directory, "config.capnp");
    await writeFile(path, capnpText({ services: [], sockets: [], v8Flags: texts }));
    const { stdout } = await promisify(execFile)(workerdPath, ["compile", path, "--config-only"], {
      encoding: "buffer",
      maxBuffer: 1 << 26,
    });
    // In the binary form a text stands as its bytes and a zero byte.
    for (const text of texts) expect(stdout.includes(Buffer.from(`${text}\0`)), JSON.stringify(text)).toBe(true);
  } finally {
    await rm(directory, { recursive: true });
  }
});

/** A small linear congruential generator: the same texts in every run. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function randomText(random: () => number): string {
  const alphabets = [() => random() * 128, () => random() * 0xd800, () => 0x10000 + random() * 0xfffff];
  const length = 1 + Math.floor(random() * 40);
  return Array.from({ length }, () => {
    const code = alphabets[Math.floor(random() * alphabets.length)]?.() ?? 0;
    return String.fromCodePoint(Math.floor(code));
  }).join("");
}
