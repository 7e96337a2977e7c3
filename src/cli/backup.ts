import { resolve } from "node:path";
import { createBackup } from "./backup/create.ts";
import { restoreBackup } from "./backup/restore.ts";
import { type Command, configOptionsHelp, type Io, parseWithConfig, UsageError, withPlatformHere } from "./command.ts";
import { onSignals } from "./signals.ts";

export const backup: Command = {
  usage: "backup create|restore [options]",
  summary: "Copies everything while the platform serves, and puts it back.",
  details: `  freehold backup create [FILE]            default freehold-<time>.tar.zst, here
  freehold backup restore FILE [--force]

create needs no pause: each database is copied as of one moment, with all that was acknowledged before the backup began.
restore checks every byte first. It wants a data directory without data and without a running platform.

A backup holds the master key, and so every secret: it is readable for this user alone. Keep it as you would the secrets.

  --force         restore: move the data that is there aside
${configOptionsHelp}`,
  async run(args, io) {
    const inner = { ...io, env: args.includes("restore") ? io.env : withPlatformHere(io.env) };
    const { config, values, positionals } = parseWithConfig(args, { force: { type: "boolean" } }, inner, true);
    const [action, file, ...rest] = positionals;
    if (rest.length > 0) throw new UsageError(`Too many arguments: ${rest.join(" ")}`);
    // What is written is for this user alone.
    process.umask(0o077);
    if (action === "create") {
      if (values.force) throw new UsageError("--force belongs to restore.");
      return create(config.dataDir, resolve(file ?? defaultName()), io);
    }
    if (action === "restore") {
      if (!file) throw new UsageError("Say which backup to restore: its file.");
      return restore(resolve(file), config.dataDir, values.force === true, io);
    }
    throw new UsageError(action ? `There is no "backup ${action}".` : "Say what to do: create or restore.");
  },
};

function defaultName(): string {
  return `freehold-${new Date().toISOString().replace(/[-:]|\..*/g, "")}Z.tar.zst`;
}

async function create(dataDir: string, file: string, io: Io): Promise<number> {
  const stop = new AbortController();
  const signals = onSignals(
    () => stop.abort(),
    () => process.exit(1),
  );
  try {
    const created = await createBackup(dataDir, file, stop.signal);
    io.out(file);
    io.err(
      `${created.files} files of ${dataDir}, ${megabytes(created.bytes)}; the backup has ${megabytes(created.size)}.`,
    );
    io.err("It holds the master key, which opens every secret: keep it as you would the secrets.");
    return 0;
  } finally {
    signals.dispose();
  }
}

async function restore(file: string, dataDir: string, force: boolean, io: Io): Promise<number> {
  const { createdOn, freehold, files, bytes, aside } = await restoreBackup(file, dataDir, force);
  if (aside) io.err(`What was there is in ${aside}.`);
  io.out(`${dataDir} is as it was at ${createdOn} (Freehold ${freehold}): ${files} files, ${megabytes(bytes)}.`);
  return 0;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}
