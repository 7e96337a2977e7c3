import type { StatsFs } from "node:fs";
import { statfs } from "node:fs/promises";
import { expect, test, vi } from "vitest";
import type { Platform } from "../../store/platform.ts";

vi.mock("node:fs/promises", async (original) => ({ ...(await original<object>()), statfs: vi.fn() }));
// Other tests of this process may have loaded it with the real one.
vi.resetModules();
const { requireRoom } = await import("./api-files.ts");

const platform = { config: { dataDir: "/data" } } as Platform;
const GB = 1_000_000_000;

test.each([
  ["a large disk keeps 1 GB", 4000 * GB, 3 * GB, 2.1 * GB, false],
  ["a large disk keeps 1 GB", 4000 * GB, 3 * GB, 1.9 * GB, true],
  ["a small disk keeps 5 %", 10 * GB, 0.6 * GB, 0.2 * GB, false],
  ["a small disk keeps 5 %", 10 * GB, 0.6 * GB, 0.05 * GB, true],
])("%s (%i bytes, %i of them free, %i wanted)", async (_name, size, free, wanted, fits) => {
  const bsize = 1000;
  vi.mocked(statfs).mockResolvedValue({ bsize, blocks: size / bsize, bavail: free / bsize } as StatsFs);
  const answer = requireRoom(platform, wanted).then(
    () => true,
    (error: { status: number; message: string }) => error.status === 507 && !error.message.includes("Make room"),
  );
  expect(await answer).toBe(fits);
});
