import { ConfigError } from "../domain/config.ts";
import { printable } from "../lib/printable.ts";
import { type Command, CommandError, type Io, manual, UsageError } from "./command.ts";

/** Every command by name. Each is loaded when it is called, so that no command pays for another. */
const commands: ReadonlyMap<string, () => Promise<Command>> = new Map([
  ["up", async (): Promise<Command> => (await import("./up.ts")).up],
  ["doctor", async () => (await import("./doctor.ts")).doctor],
  ["env", async () => (await import("./env.ts")).env],
  ["token", async () => (await import("./token.ts")).token],
  ["zone", async () => (await import("./zone.ts")).zone],
  ["access", async () => (await import("./access.ts")).access],
  ["logs", async () => (await import("./logs.ts")).logs],
  ["edit", async () => (await import("./edit.ts")).edit],
  ["import", async () => (await import("./import.ts")).importCommand],
  ["migrate", async () => (await import("./migrate.ts")).migrate],
  ["backup", async () => (await import("./backup.ts")).backup],
  ["wrangler", async () => (await import("./wrangler.ts")).wrangler],
  ["version", async () => (await import("./version.ts")).version],
  ["help", async () => (await import("./help.ts")).help(commands)],
]);

const aliases = new Map([
  ["--help", "help"],
  ["-h", "help"],
  ["--version", "version"],
  ["-v", "version"],
]);

const processIo: Io = {
  out: (line) => process.stdout.write(`${printable(line)}\n`),
  err: (line) => process.stderr.write(`${printable(line)}\n`),
  env: process.env,
};

/** Runs a command of the `freehold` command line and resolves with the exit code: 0, 1 (failed) or 2 (called wrongly). */
export async function runCommand(name: string, args: string[], io: Io = processIo): Promise<number> {
  const load = commands.get(aliases.get(name) ?? name);
  if (!load) {
    const near = nearest(name, [...commands.keys()]);
    io.err(`There is no command "${name}".${near ? ` Did you mean "${near}"?` : ""} See: freehold help`);
    return 2;
  }
  const command = await load();
  if (io === processIo && name !== "up") process.stdout.on("error", endWithReader);
  // `wrangler` has a --help of its own.
  if (name !== "wrangler" && args.some((arg) => arg === "--help" || arg === "-h")) {
    io.out(manual(command));
    return 0;
  }
  try {
    return await command.run(args, io);
  } catch (error) {
    if (error instanceof UsageError) {
      io.err(`${error.message}\nUsage: freehold ${command.usage}; more: freehold help ${name}`);
      return 2;
    }
    if (error instanceof CommandError || error instanceof ConfigError) {
      io.err(error.message);
      return 1;
    }
    throw error;
  }
}

/** Whoever reads may have enough before the end: `freehold logs --json | head`. */
function endWithReader(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
}

/** The name that differs least, if it is near enough to be meant. */
function nearest(name: string, candidates: string[]): string | undefined {
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: distance(name.toLowerCase(), candidate) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best && best.distance <= 2 ? best.candidate : undefined;
}

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
