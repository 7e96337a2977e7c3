import { defineConfig } from "vitest/config";

/** Unit tests stand beside the code; `test/` holds the end-to-end tests, which run one file at a time after them. */
export default defineConfig({
  test: {
    exclude: ["**/node_modules/**", "test/fixtures/**"],
    // Time limits are part of what is tested, and CI's machines are shared: one more try there, which the summary shows.
    retry: process.env.CI ? 1 : 0,
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["src/**/*.test.ts", "scripts/**/*.test.ts"],
          testTimeout: 20_000,
          hookTimeout: 20_000,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "end-to-end",
          include: ["test/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
