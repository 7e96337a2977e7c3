import { onTestFinished, vi } from "vitest";

/**
 * Lines that are logged as errors until the test is over, of those that match. Others are not this test's: in one process many files run
 * one after the other, and what an earlier one left at work may have something to say as well.
 */
export function errorsLike(pattern: RegExp): string[] {
  const lines: string[] = [];
  const spy = vi.spyOn(console, "error").mockImplementation((...parts) => {
    const line = parts.map(String).join(" ");
    if (pattern.test(line)) lines.push(line);
  });
  onTestFinished(() => spy.mockRestore());
  return lines;
}
