import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { extname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import type { Config } from "../domain/config.ts";
import { paths } from "../domain/paths.ts";

const run = promisify(execFile);
const TIMEOUT_MS = 60_000;

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
 * Fills the cache of compiled modules with what the roles load, and records where their imports lead, unless that was done
 * for these very sources. Returns the file of imports. A process that finds its modules in there starts in a third of the time;
 * one that does not keeps the TypeScript compiler in memory, 25 MB of it (measured), for as long as it runs.
 * Failing is no error: the roles then do without.
 */
export async function warmCompileCache(directory: string): Promise<string | undefined> {
  const name = `warm-${sourcesKey()}`;
  const imports = join(directory, name);
  if (existsSync(imports)) return imports;
  const urlOf = (module: string) => pathToFileURL(join(sources, module + extension)).href;
  // The entry itself prints help when it is not told to be a role.
  const roles = ["main", "control/main", "edge/main", "services/main", "supervisor/index"].map(urlOf);
  // Complete at once: platforms that share the cache may start at the same time.
  const script = `
    const { recordImports } = await import(${JSON.stringify(urlOf("lib/known-imports"))});
    const { renameSync, writeFileSync } = await import("node:fs");
    const known = await recordImports(new URL(${JSON.stringify(pathToFileURL(join(sources, "..", "/")).href)}), ${JSON.stringify(roles)});
    const [path, part] = ${JSON.stringify([imports, `${imports}-${process.pid}`])};
    writeFileSync(part, JSON.stringify(known));
    renameSync(part, path);`;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const other of readdirSync(directory)) {
      if (other.startsWith("warm-") && !other.startsWith(name)) rmSync(join(directory, other));
    }
    await run(process.execPath, ["--input-type=module", "--eval", script], {
      env: { ...process.env, NODE_COMPILE_CACHE: directory },
      timeout: TIMEOUT_MS,
    });
    return imports;
  } catch {
    // The roles say what is wrong with their modules.
    return undefined;
  }
}

/** Changes with any source file, with the packages that are installed, and with Node. */
function sourcesKey(): string {
  const hash = createHash("sha256").update(process.version);
  const add = (path: string) => {
    const { mtimeMs, size } = statSync(path);
    hash.update(`${relative(sources, path)} ${mtimeMs} ${size}\n`);
  };
  for (const name of readdirSync(sources, { recursive: true }).map(String).sort()) {
    if (name.endsWith(extension)) add(join(sources, name));
  }
  const lock = join(sources, "..", "node_modules", ".package-lock.json");
  if (existsSync(lock)) add(lock);
  return hash.digest("hex").slice(0, 16);
}
