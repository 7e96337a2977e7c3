import { join } from "node:path";

/** What every runner on this machine is started with; found once, at start. */
export interface RunnerHost {
  /** The workerd program. */
  workerd: string;
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
}

export interface RunnerLaunch {
  /** Instance directory on the host, with `app`, `in`, `svc` and `empty` in it. */
  directory: string;
  /** Arguments of `workerd`. */
  arguments: string[];
  /** `RLIMIT_DATA`; absent: none. */
  maxDataBytes: number | undefined;
}

/** File descriptors of a launched runner. */
export const CONTROL_FD = 3;
export const INFO_FD = 4;
export const SECCOMP_FD = 5;

const SANDBOX_WORKERD = "/workerd";
const TMP_BYTES = 1024 * 1024;

export function runnerView(host: RunnerHost, directory: string): RunnerView {
  const root = host.bubblewrap ? "/" : directory;
  return { app: join(root, "app"), in: join(root, "in"), svc: join(root, "svc"), empty: join(root, "empty") };
}

/** Command line and environment that start workerd in its sandbox, or plainly when there is none. Pure. */
export function sandboxCommand(
  host: RunnerHost,
  launch: RunnerLaunch,
): { file: string; arguments: string[]; env: Record<string, string> } {
  // The shell is only there to set limits; it becomes the program it starts.
  // No core dumps, and no content in files: all that a runner has to write are sockets and pipes.
  const limits = ["ulimit -c 0", "ulimit -f 0"];
  if (launch.maxDataBytes !== undefined) limits.push(`ulimit -d ${Math.ceil(launch.maxDataBytes / 1024)}`);
  return {
    file: "/bin/sh",
    arguments: [
      "-c",
      `${limits.join("; ")}; exec "$@"`,
      "sh",
      ...bubblewrapArguments(host, launch.directory),
      ...launch.arguments,
    ],
    env: { TZ: "UTC" },
  };
}

function bubblewrapArguments(host: RunnerHost, directory: string): string[] {
  const { bubblewrap, workerd } = host;
  if (!bubblewrap) return [workerd];
  const { app, in: own, svc, empty } = runnerView(host, directory);
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
    ...["--remount-ro", "/proc", "--remount-ro", "/", "--chdir", app],
    SANDBOX_WORKERD,
  ];
}
