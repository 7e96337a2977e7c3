import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import type { Config } from "../domain/config.ts";
import { paths } from "../domain/paths.ts";

const run = promisify(execFile);
const TIMEOUT_MS = 30_000;

const sources = join(import.meta.dirname, "..");
const extension = extname(import.meta.filename);

/**
 * Where the roles' compiled modules are cached: with this process's own, if it has such a place and this user
 * may write there. (An administrator may have installed what a service's user runs.)
 */
export function compileCache(config: Config): string {
  const own = process.env.NODE_COMPILE_CACHE;
  return own && isWritable(own) ? own : paths(config).compileCache;
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Fills the cache of compiled modules with what the roles load, unless that was done for these very sources. A process that
 * finds its modules in there starts in half the time; one that does not keeps the TypeScript compiler
 * in memory, 25 MB of it (measured), for as long as it runs. Failing is no error: the roles then do without.
 */
export async function warmCompileCache(directory: string): Promise<void> {
  const marker = join(directory, `warm-${sourcesKey()}`);
  if (existsSync(marker)) return;
  // The entry itself prints help when it is not told to be a role.
  const urls = ["main", "control/main", "edge/main", "services/main", "supervisor/index"].map(
    (name) => pathToFileURL(join(sources, name + extension)).href,
  );
  const script = `for (const url of ${JSON.stringify(urls)}) await import(url);`;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(directory)) if (name.startsWith("warm-")) rmSync(join(directory, name));
    await run(process.execPath, ["--input-type=module", "--eval", script], {
      env: { ...process.env, NODE_COMPILE_CACHE: directory },
      timeout: TIMEOUT_MS,
    });
    writeFileSync(marker, "");
  } catch {
    // The roles say what is wrong with their modules.
  }
}

/** Changes with any source file and with Node. */
function sourcesKey(): string {
  const hash = createHash("sha256").update(process.version);
  for (const name of readdirSync(sources, { recursive: true }).map(String).sort()) {
    if (!name.endsWith(extension)) continue;
    const { mtimeMs, size } = statSync(join(sources, name));
    hash.update(`${name} ${mtimeMs} ${size}\n`);
  }
  return hash.digest("hex").slice(0, 16);
}
