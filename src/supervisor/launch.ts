import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { LaunchPlan } from "../workerd/plan.ts";
import { serveArguments, writeInstance } from "./instance-files.ts";
import { STDERR_BYTES, STDERR_BYTES_PER_SECOND } from "./limits.ts";
import {
  CONTROL_FD,
  INFO_FD,
  type RunnerHost,
  type RunnerLaunch,
  type RunnerState,
  runnerView,
  sandboxCommand,
} from "./sandbox.ts";
import { makeStateDirectory, openLock } from "./state-files.ts";
import { Tail } from "./tail.ts";

/** After a process has ended its stderr may still be in the pipe; how long to wait for the rest. */
const STDERR_REST_MS = 200;

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A workerd process that was started. */
export interface Launched {
  /** The supervisor's child: workerd, or bubblewrap around it. */
  child: ChildProcess;
  /** Host id of the workerd process itself; undefined if it ended before it was known. */
  workerdPid: Promise<number | undefined>;
  /** Resolves with true when the expected sockets listen, with false when the process ended before. */
  listening: Promise<boolean>;
  /** Resolves when the process has ended and `stderr` is complete. */
  exited: Promise<Exit>;
  /** Sends a signal to workerd itself; nothing happens once it has ended. */
  kill(signal: NodeJS.Signals): void;
  /** The end of what it wrote. */
  stderr(): string;
}

/** Starts workerd on a plan, in an instance directory that has been made. Throws when that is not possible. */
export async function launchPlan(
  host: RunnerHost,
  settings: {
    directory: string;
    plan: LaunchPlan;
    blobs: string;
    maxDataBytes?: number | undefined;
    state?: RunnerState | undefined;
  },
): Promise<Launched> {
  const { directory, plan, blobs, maxDataBytes, state } = settings;
  await writeInstance(directory, plan, blobs);
  const serve = serveArguments(runnerView(host, directory).app, plan, CONTROL_FD);
  return launch(host, { directory, arguments: serve, maxDataBytes, state }, plan.sockets);
}

/** Starts workerd with a prepared instance directory; `sockets` is the number of `listen` events to expect. */
function launch(host: RunnerHost, settings: RunnerLaunch, sockets: number): Launched {
  const command = sandboxCommand(host, settings);
  const filter = host.bubblewrap?.seccomp === undefined ? undefined : openSync(host.bubblewrap.seccomp, "r");
  const locks = giveState(host, settings);
  // A group of its own: Ctrl-C in a terminal is for the supervisor, which then drains.
  const child = spawn(command.file, command.arguments, {
    stdio: ["ignore", "ignore", "pipe", "pipe", host.bubblewrap ? "pipe" : "ignore", filter ?? "ignore", ...locks],
    env: command.env,
    detached: true,
  });
  for (const file of [...locks, filter ?? []].flat()) closeSync(file);

  const exited = exitOf(child);
  const stderr = new Tail(child.stderr as Readable, STDERR_BYTES, STDERR_BYTES_PER_SECOND);
  const ended = exited.then(() => undefined);
  const info = child.stdio[INFO_FD] as Readable | null;
  let pid = info ? undefined : child.pid;
  const workerdPid = info ? sandboxedPid(info).then((found) => (pid = found)) : Promise.resolve(pid);
  return {
    child,
    workerdPid: Promise.race([ended, workerdPid]),
    listening: Promise.race([ended.then(() => false), listenEvents(child.stdio[CONTROL_FD] as Readable, sockets)]),
    exited,
    kill(signal) {
      if (child.exitCode !== null || child.signalCode !== null) return;
      // bubblewrap passes no signal on, but its own end is workerd's too.
      if (pid === undefined) child.kill("SIGKILL");
      else sendSignal(pid, signal);
    },
    stderr: () => stderr.toString(),
  };
}

/** Makes the directories of state, and shows them where there is no sandbox to do it. Returns the opened lock files. */
function giveState(host: RunnerHost, { directory, state }: RunnerLaunch): number[] {
  if (!state) return [];
  const view = runnerView(host, directory).state;
  if (!host.bubblewrap) mkdirSync(view, { mode: 0o700 });
  return state.mounts.flatMap((mount) => {
    makeStateDirectory(mount.directory);
    if (!host.bubblewrap) symlinkSync(mount.directory, join(view, mount.name));
    return host.flock ? openLock(mount.directory) : [];
  });
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Ended a moment ago.
  }
}

function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve) => {
    let exit: Exit = { code: null, signal: null };
    child.once("error", () => resolve(exit));
    child.once("exit", (code, signal) => {
      exit = { code, signal };
      setTimeout(resolve, STDERR_REST_MS, exit).unref();
    });
    child.once("close", () => resolve(exit));
  });
}

/** bubblewrap tells the host id of the process in the sandbox, as a JSON document. */
async function sandboxedPid(info: Readable): Promise<number | undefined> {
  let text = "";
  try {
    for await (const chunk of info) text += chunk;
    const pid: unknown = JSON.parse(text)["child-pid"];
    return typeof pid === "number" ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** workerd tells of each listening socket by a line of JSON. Never resolves if it tells of fewer. */
function listenEvents(control: Readable, sockets: number): Promise<boolean> {
  control.on("error", () => {});
  return new Promise((resolve) => {
    let count = 0;
    createInterface(control).on("line", (line) => {
      if (line.startsWith('{"event":"listen"') && ++count === sockets) resolve(true);
    });
  });
}
