import { readdirSync } from "node:fs";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { VALIDATE_TIMEOUT_MS } from "./limits.ts";
import { hasProc } from "./proc.ts";
import { startTestPool, storeVersion, type TestPool } from "./testing.ts";

let pool: TestPool;
beforeAll(async () => {
  pool = await startTestPool();
});
afterAll(() => pool.close());
afterEach(() => {
  expect(readdirSync(pool.config.runDir)).toEqual(["seccomp.bpf"]);
});

const validate = (source: string) => pool.validator.validate(storeVersion(pool.config, source));

test("tells what sound code exports", async () => {
  const reply = await validate(`
    import { WorkerEntrypoint } from "cloudflare:workers";
    export class Admin extends WorkerEntrypoint { ping() {} }
    export default { fetch() {}, scheduled() {} };`);
  expect(reply).toEqual({
    ok: true,
    exports: expect.arrayContaining([
      { name: "default", kind: "object", handlers: ["fetch", "scheduled"] },
      { name: "Admin", kind: "worker-entrypoint", handlers: [] },
    ]),
    startupTimeMs: expect.any(Number),
  });
  expect(reply.ok && reply.startupTimeMs).toBeLessThan(500);
});

test.each([
  ["a syntax error", "let x = ;", /SyntaxError.*\n.*index\.js:1:8/s],
  ["an exception at start", "throw new TypeError('too early');", /TypeError: too early/],
  ["a missing import", "import './nowhere.js'; export default { fetch() {} }", /nowhere\.js/],
  ["too much memory", "const a = []; while (true) a.push(new Array(1000).fill(0.5));", /memory/],
])("refuses %s", async (_name, source, message) => {
  expect(await validate(source)).toEqual({ ok: false, code: 10021, message: expect.stringMatching(message) });
});

test.runIf(hasProc)("ends code that does not come to an end", async () => {
  const startedAt = performance.now();
  expect(await validate("while (true);")).toMatchObject({
    ok: false,
    code: 10021,
    message: expect.stringMatching(/CPU/),
  });
  expect(performance.now() - startedAt).toBeLessThan(VALIDATE_TIMEOUT_MS);
});

test("ends code that never lets itself be inspected", async () => {
  const reply = await validate("export default { get fetch() { while (true); } }");
  expect(reply).toMatchObject({ ok: false, code: 10021 });
});
