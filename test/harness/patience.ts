/** Before each test file: what is waited for has as long as `expect.poll` gives it, and not the second that is Vitest's default. */
import { vi } from "vitest";

const PATIENCE_MS = 20_000;
const given = vi.waitFor;

// A worker runs many files.
if (given.name !== "waitPatiently") {
  vi.waitFor = function waitPatiently(callback, options = PATIENCE_MS) {
    return given(callback, options);
  };
}
