import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createMasterKey, deriveKey, loadMasterKey, SealError, seal, unseal } from "./seal.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "freehold-seal-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

test("derived keys differ by purpose and by master key, and are the same each time", () => {
  const [one, other] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
  expect(deriveKey(one, "a")).toHaveLength(32);
  expect(deriveKey(one, "a")).toEqual(deriveKey(one, "a"));
  expect(deriveKey(one, "a")).not.toEqual(deriveKey(one, "b"));
  expect(deriveKey(one, "a")).not.toEqual(deriveKey(other, "a"));
});

describe("master key", () => {
  test("is made once, private, and found again", () => {
    const path = join(directory, "deep", "master.key");
    const key = createMasterKey(path);
    expect(key).toHaveLength(32);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(createMasterKey(path)).toEqual(key);
    expect(loadMasterKey(path)).toEqual(key);
    expect(readdirSync(join(directory, "deep"))).toEqual(["master.key"]);
  });

  test("a file that is no key is refused", () => {
    writeFileSync(join(directory, "key"), "short");
    expect(() => loadMasterKey(join(directory, "key"))).toThrow(SealError);
  });
});

describe("seal", () => {
  const text = "sëcret\n値";

  test("opens with its key and differs each time", () => {
    const key = createMasterKey(join(directory, "key"));
    const first = seal(key, text);
    expect(unseal(key, first)).toBe(text);
    expect(unseal(key, seal(key, ""))).toBe("");
    expect(seal(key, text).sealed).not.toBe(first.sealed);
    expect(Buffer.from(first.sealed, "base64").includes("cret")).toBe(false);
  });

  test("refuses another key, a changed text and a stub", () => {
    const key = createMasterKey(join(directory, "one"));
    const sealed = seal(key, text);
    expect(() => unseal(createMasterKey(join(directory, "two")), sealed)).toThrow(SealError);
    const bytes = Buffer.from(sealed.sealed, "base64");
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    expect(() => unseal(key, { sealed: bytes.toString("base64") })).toThrow(SealError);
    expect(() => unseal(key, { sealed: "AAAA" })).toThrow(SealError);
  });
});
