import { join } from "node:path";
import { STATE_LOCK_WAIT_S } from "./limits.ts";
import type { StateMount } from "./state-files.ts";

/** What every runner on this machine is started with; found once, at start. */
export interface RunnerHost {
  /** The workerd program. */
  workerd: string;
  /** The `flock` program; absent: state is not locked. */
  flock?: string;
  /** Absent: runners are plain processes. */
  bubblewrap?: {
    program: string;
    /** Host files that a runner sees, at the same path, read-only: libraries, certificates, resolver settings. */
    files: string[];
    /** File that holds the system call filter, where we have one for this processor. */
    seccomp?: string;
  };
}

/** Where a runner finds its directories: host paths, or paths in the sandbox. */
export interface RunnerView {
  /** Config and modules; read-only. */
  app: string;
  /** The only directory that it may write to: its listening sockets. */
  in: string;
  /** Sockets of the services role; read-only. */
  svc: string;
  empty: string;
  /** Holds a directory of state under each name; those are writable. */
  state: string;
}

/** What of a script's state a runner has. */
export interface RunnerState {
  mounts: StateMount[];
  /** Largest file that it may write. */
  maxFileBytes: number;
}

export interface RunnerLaunch {
  /** Instance directory on the host, with `app`, `in`, `svc` and `empty` in it. */
  directory: string;
  /** Arguments of `workerd`. */
  arguments: string[];
  /** `RLIMIT_DATA`; absent: none. */
  maxDataBytes: number | undefined;
  state?: RunnerState | undefined;
}

/** File descriptors of a launched runner. */
export const CONTROL_FD = 3;
export const INFO_FD = 4;
export const SECCOMP_FD = 5;
/** The first of the opened lock files, one for each directory of state. */
export const LOCK_FD = 6;

/** Exit code of a runner that did not get the lock of its state. */
export const LOCKED_EXIT_CODE = 75;

const SANDBOX_WORKERD = "/workerd";
const TMP_BYTES = 1024 * 1024;

export function runnerView(host: RunnerHost, directory: string): RunnerView {
  const root = host.bubblewrap ? "/" : directory;
  const [app, own, svc, empty, state] = ["app", "in", "svc", "empty", "state"].map((name) => join(root, name)) as [
    ...[string, string, string, string, string],
  ];
  return { app, in: own, svc, empty, state };
}

/** Command line and environment that start workerd in its sandbox, or plainly when there is none. Pure. */
export function sandboxCommand(
  host: RunnerHost,
  launch: RunnerLaunch,
): { file: string; arguments: string[]; env: Record<string, string> } {
  // The shell is only there to set limits and to lock; it becomes the program it starts.
  // No core dumps, and no content in files: all that a runner without state has to write are sockets and pipes.
  const limits = ["ulimit -c 0", `ulimit -f ${Math.ceil((launch.state?.maxFileBytes ?? 0) / 512)}`];
  // A write beyond the limit then fails, instead of ending the process and all objects with it.
  if (launch.state) limits.push("trap '' XFSZ");
  if (launch.maxDataBytes !== undefined) limits.push(`ulimit -d ${Math.ceil(launch.maxDataBytes / 1024)}`);
  if (host.flock && launch.state) limits.push(...launch.state.mounts.map((_, index) => lockLine(host.flock!, index)));
  return {
    file: "/bin/sh",
    arguments: [
      "-c",
      `${limits.join("; ")}; exec "$@"`,
      "sh",
      ...bubblewrapArguments(host, launch),
      ...launch.arguments,
    ],
    env: { TZ: "UTC" },
  };
}

/** Locks an opened file that the shell inherited, and all it starts inherits: until the last of them has ended. */
function lockLine(flock: string, index: number): string {
  return `${shellWord(flock)} -w ${STATE_LOCK_WAIT_S} ${LOCK_FD + index} || exit ${LOCKED_EXIT_CODE}`;
}

function shellWord(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function bubblewrapArguments(host: RunnerHost, { directory, state }: RunnerLaunch): string[] {
  const { bubblewrap, workerd } = host;
  if (!bubblewrap) return [workerd];
  const { app, in: own, svc, empty, state: stateView } = runnerView(host, directory);
  return [
    bubblewrap.program,
    ...["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts"],
    ...["--uid", "65534", "--gid", "65534", "--hostname", "worker"],
    // Killed with the supervisor; no terminal to type into; one process less than with a reaper of bubblewrap's.
    ...["--die-with-parent", "--new-session", "--as-pid-1"],
    ...["--cap-drop", "ALL", "--clearenv", "--setenv", "TZ", "UTC"],
    ...["--info-fd", String(INFO_FD)],
    ...(bubblewrap.seccomp ? ["--seccomp", String(SECCOMP_FD)] : []),
    ...bubblewrap.files.flatMap((file) => ["--ro-bind", file, file]),
    ...["--ro-bind", workerd, SANDBOX_WORKERD],
    ...["--proc", "/proc"],
    // Devices one by one: bubblewrap's own /dev has a writable /dev/shm without bound.
    ...["null", "zero", "random", "urandom"].flatMap((name) => ["--dev-bind", `/dev/${name}`, `/dev/${name}`]),
    ...["--size", String(TMP_BYTES), "--tmpfs", "/tmp"],
    ...["--ro-bind", join(directory, "app"), app],
    ...["--bind", join(directory, "in"), own],
    ...["--ro-bind", join(directory, "svc"), svc],
    ...["--ro-bind", join(directory, "empty"), empty],
    ...(state?.mounts ?? []).flatMap(({ name, directory }) => ["--bind", directory, join(stateView, name)]),
    ...["--remount-ro", "/proc", "--remount-ro", "/", "--chdir", app],
    SANDBOX_WORKERD,
  ];
}
