import { type SpawnOptions, spawn } from "node:child_process";
import { constants } from "node:os";

/**
 * Runs a program with this terminal, which sends its Ctrl-C to the program as well. Resolves with its exit code; 128 and
 * the signal's number when a signal ended it. Rejects when it does not start.
 */
export function runInTerminal(
  file: string,
  args: string[],
  options: Pick<SpawnOptions, "cwd" | "env">,
): Promise<number> {
  const child = spawn(file, args, { stdio: "inherit", ...options });
  const wait = () => {
    if (!process.stdin.isTTY) child.kill("SIGINT");
  };
  const pass = () => child.kill("SIGTERM");
  process.on("SIGINT", wait);
  process.on("SIGTERM", pass);
  return new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  }).finally(() => {
    process.off("SIGINT", wait);
    process.off("SIGTERM", pass);
  });
}
