import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { LogpushOfFile } from "./logpush.ts";

test("what waits is kept until it is known which jobs there are", async () => {
  const root = mkdtempSync(join(tmpdir(), "fh-logpush-"));
  const [jobs, waiting] = [join(root, "logpush.json"), join(root, "logpush", "a".repeat(32), "1")];
  mkdirSync(waiting, { recursive: true });
  const pushing = new LogpushOfFile({
    config: { logpush: { maxSpoolBytes: 1_000_000, intervalMs: 1000 }, allowPrivate: [] },
    files: { logpush: join(root, "logpush"), logpushJobs: jobs, masterKey: "" },
    observed: { find: () => undefined },
    buckets: { find: () => undefined },
    keys: { find: () => undefined },
  });
  // In a copy that is put back control has not written the file yet.
  await pushing.reload();
  writeFileSync(jobs, "[]");
  expect(existsSync(waiting)).toBe(true);
  await pushing.reload();
  await vi.waitFor(() => expect(existsSync(waiting)).toBe(false));
  pushing.close();
  rmSync(root, { recursive: true });
});
