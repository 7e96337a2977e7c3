import { defineConfig } from "vitest/config";

/** End-to-end tests that measure times or take the whole machine: nothing else runs beside them. */
const alone = ["limits", "queue-durability", "robustness", "splits-under-load", "state-durability"].map(
  (name) => `test/${name}.e2e.test.ts`,
);

/** Unit tests stand beside the code; `test/` holds the end-to-end tests, which run after them. */
export default defineConfig({
  test: {
    exclude: ["**/node_modules/**", "test/fixtures/**"],
    // Time limits are part of what is tested, and CI's machines are shared: one more try there, which the summary shows.
    retry: process.env.CI ? 1 : 0,
    // What is waited for comes as soon as the machine can.
    expect: { poll: { timeout: 20_000 } },
    setupFiles: ["test/harness/patience.ts"],
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["src/**/*.test.ts", "scripts/**/*.test.ts"],
          // They bound how long a hang lasts, and nothing else: a busy machine takes its time.
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // Some wait for as long as they work.
          maxWorkers: 3,
          // Each module is loaded once for all files of a worker, which is half of what most files take.
          isolate: false,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "end-to-end",
          include: ["test/**/*.test.ts"],
          exclude: ["test/fixtures/**", ...alone],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // Each waits for about as long as it works.
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: "alone",
          include: alone,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
