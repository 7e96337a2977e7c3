import { spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { paths } from "../domain/paths.ts";
import { memoryBounds } from "./memory.ts";
import { hasProc, type ProcessMemory } from "./proc.ts";
import { type RunnerHost, runnerView, sandboxCommand } from "./sandbox.ts";
import { fetchRunner, startTestPool, storeVersion, type TestPool } from "./testing.ts";

const launch = { directory: "/run/fh/1a2b", arguments: ["serve", "/app/config.capnp"], maxDataBytes: 700_000_000 };

describe("the command", () => {
  test("without a sandbox is workerd itself on the host's paths, with its limits", () => {
    const host: RunnerHost = { workerd: "/opt/workerd" };
    expect(sandboxCommand(host, launch)).toEqual({
      file: "/bin/sh",
      arguments: [
        "-c",
        'ulimit -c 0; ulimit -f 0; ulimit -d 683594; exec "$@"',
        "sh",
        "/opt/workerd",
        "serve",
        "/app/config.capnp",
      ],
      env: { TZ: "UTC" },
    });
    expect(runnerView(host, "/run/fh/1a2b")).toEqual({
      app: "/run/fh/1a2b/app",
      in: "/run/fh/1a2b/in",
      svc: "/run/fh/1a2b/svc",
      empty: "/run/fh/1a2b/empty",
      state: "/run/fh/1a2b/state",
    });
  });

  test("with state lifts the limit of files, and holds the locks that it was given", () => {
    const mounts = ["a", "b"].map((name) => ({ name, directory: `/data/state/${name}` }));
    const state = { mounts, maxFileBytes: 10_000_000 };
    const host: RunnerHost = { workerd: "/w", flock: "/usr/bin/flock" };
    const [, script] = sandboxCommand(host, { ...launch, state }).arguments;
    expect(script).toBe(
      "ulimit -c 0; ulimit -f 19532; trap '' XFSZ; ulimit -d 683594; " +
        '/usr/bin/flock -w 2 6 || exit 75; /usr/bin/flock -w 2 7 || exit 75; exec "$@"',
    );
    const bubblewrap = { program: "/usr/bin/bwrap", files: [] };
    expect(sandboxCommand({ ...host, bubblewrap }, { ...launch, state }).arguments.join(" ")).toContain(
      "--bind /data/state/a /state/a --bind /data/state/b /state/b --remount-ro /proc --remount-ro / ",
    );
  });

  test("without a known memory baseline sets no data limit", () => {
    const [, script] = sandboxCommand({ workerd: "/w" }, { ...launch, maxDataBytes: undefined }).arguments;
    expect(script).toBe('ulimit -c 0; ulimit -f 0; exec "$@"');
  });

  test("with bubblewrap shows what is listed and nothing else", () => {
    const host: RunnerHost = {
      workerd: "/opt/workerd",
      bubblewrap: { program: "/usr/bin/bwrap", files: ["/lib/libc.so.6"], seccomp: "/run/fh/seccomp.bpf" },
    };
    expect(sandboxCommand(host, launch).arguments.join(" ")).toBe(
      [
        '-c ulimit -c 0; ulimit -f 0; ulimit -d 683594; exec "$@" sh /usr/bin/bwrap',
        "--unshare-user --unshare-pid --unshare-ipc --unshare-uts --uid 65534 --gid 65534 --hostname worker",
        "--die-with-parent --new-session --as-pid-1 --cap-drop ALL --clearenv --setenv TZ UTC",
        "--info-fd 4 --seccomp 5",
        "--ro-bind /lib/libc.so.6 /lib/libc.so.6 --ro-bind /opt/workerd /workerd --proc /proc",
        "--dev-bind /dev/null /dev/null --dev-bind /dev/zero /dev/zero",
        "--dev-bind /dev/random /dev/random --dev-bind /dev/urandom /dev/urandom",
        "--size 1048576 --tmpfs /tmp --ro-bind /run/fh/1a2b/app /app --bind /run/fh/1a2b/in /in",
        "--ro-bind /run/fh/1a2b/svc /svc --ro-bind /run/fh/1a2b/empty /empty --remount-ro /proc --remount-ro / --chdir /app",
        "/workerd serve /app/config.capnp",
      ].join(" "),
    );
    expect(runnerView(host, "/run/fh/1a2b")).toEqual({
      app: "/app",
      in: "/in",
      svc: "/svc",
      empty: "/empty",
      state: "/state",
    });
  });
});

describe("a sandboxed runner", () => {
  let pool: TestPool;
  beforeAll(async () => {
    pool = await startTestPool();
    if (!pool.host.bubblewrap) console.warn(`not tested, there is no sandbox here: ${pool.host.noSandboxReason}`);
  });
  afterAll(() => pool.close());

  async function started(context: { skip(note?: string): void }) {
    if (!pool.host.bubblewrap || !hasProc) context.skip("no sandbox here");
    const source = "export default { fetch() { return new Response('hello'); } }";
    const runner = await pool.start(storeVersion(pool.config, source));
    expect((await fetchRunner(runner)).body).toBe("hello");
    return { ...runner, root: `/proc/${runner.pid}/root` };
  }

  test("is workerd, alone in its namespaces, without rights and with a filter", async (context) => {
    const { pid } = await started(context);
    const status = Object.fromEntries(
      readFileSync(`/proc/${pid}/status`, "utf8")
        .split("\n")
        .map((line) => line.split(":\t") as [string, string]),
    );
    expect(status).toMatchObject({
      Name: "workerd",
      Seccomp: "2",
      NoNewPrivs: "1",
      CapEff: "0000000000000000",
      CapPrm: "0000000000000000",
      CapBnd: "0000000000000000",
    });
    expect(status.NSpid?.split("\t").at(-1)).toBe("1");
    expect(readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").sort()).toEqual(["", "PWD=/app", "TZ=UTC"]);
  });

  test("sees its own directories, libraries and certificates, and no other file of the host", async (context) => {
    const { pid, root } = await started(context);
    const other = await pool.start(storeVersion(pool.config, "export default { fetch() {} }"));
    expect(readdirSync(root).sort()).toEqual(
      ["app", "dev", "empty", "etc", "in", "lib", "lib64", "proc", "svc", "tmp", "workerd"].filter(
        (name) => name !== "lib64" || existsSync(join(root, name)),
      ),
    );
    expect(readdirSync(join(root, "dev")).sort()).toEqual(["null", "random", "urandom", "zero"]);
    const etc = readdirSync(join(root, "etc"), { recursive: true }).map(String);
    expect(etc).not.toContain("passwd");
    expect(etc.length).toBeLessThan(10);
    for (const path of [pool.config.dataDir, pool.config.runDir, other.httpSocket, process.execPath, "/bin/sh"]) {
      expect(existsSync(path)).toBe(true);
      expect(existsSync(join(root, path))).toBe(false);
    }
    const processes = readdirSync(join(root, "proc")).filter((name) => /^\d+$/.test(name));
    expect(processes).toEqual(["1"]);

    const mounts = readFileSync(`/proc/${pid}/mountinfo`, "utf8")
      .trim()
      .split("\n")
      .map((line) => line.split(" "))
      .map(([, , , , target, options]) => ({ target, writable: options?.split(",")[0] === "rw" }));
    expect(
      mounts
        .filter(({ target, writable }) => writable && !/^\/(dev|proc)\//.test(target ?? ""))
        .map(({ target }) => target)
        .sort(),
    ).toEqual(["/in", "/tmp"]);
  });

  test("cannot make files anywhere but in its socket directory and a small /tmp", async (context) => {
    const { root } = await started(context);
    for (const directory of ["", "app", "svc", "empty", "dev", "etc"]) {
      expect(() => writeFileSync(join(root, directory, "file"), "x")).toThrow(/EROFS/);
    }
    expect(() => writeFileSync(join(root, "proc", "sys", "kernel", "core_pattern"), "x")).toThrow(/EROFS/);
    expect(() => writeFileSync(join(root, "tmp", "file"), Buffer.alloc(2 * 1024 * 1024))).toThrow(/ENOSPC/);
  });

  test("has open only what it was given", async (context) => {
    const { pid } = await started(context);
    const files = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
    // The last two are directories of the sandbox.
    expect(files.filter((path) => path.startsWith("/") && !["/dev/null", "/", "/app"].includes(path))).toEqual([]);
    expect(files.filter((path) => /seccomp|memfd|\.bpf/.test(path))).toEqual([]);
  });

  test.each([
    ["a namespace", "unshare --user true"],
    ["a mount", "mount -t tmpfs none /mnt"],
    ["a trace of another process", "strace -p 1"],
  ])("may not make %s: the filter forbids it", (_what, command) => {
    if (!pool.host.bubblewrap?.seccomp) return;
    const [program = ""] = command.split(" ");
    if (spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0) return;
    const filter = openSync(paths(pool.config).seccompFilter, "r");
    const { status, stderr } = spawnSync(
      pool.host.bubblewrap.program,
      ["--ro-bind", "/", "/", "--seccomp", "3", "sh", "-c", command],
      { stdio: ["ignore", "ignore", "pipe", filter], encoding: "utf8" },
    );
    closeSync(filter);
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/not permitted|denied/i);
  });
});

test("FREEHOLD_SANDBOX=off starts plain processes, with the same limits", async () => {
  const pool = await startTestPool({ FREEHOLD_SANDBOX: "off" });
  try {
    expect(pool.host.bubblewrap).toBeUndefined();
    const runner = await pool.start(
      storeVersion(pool.config, "export default { fetch() { return new Response('hello'); } }"),
    );
    expect((await fetchRunner(runner)).body).toBe("hello");
    if (hasProc) {
      expect(readFileSync(`/proc/${runner.pid}/comm`, "utf8")).toBe("workerd\n");
      const limits = readFileSync(`/proc/${runner.pid}/limits`, "utf8");
      const { maxDataBytes } = memoryBounds(pool.host.idle?.memory as ProcessMemory, 128);
      expect(Number(/Max data size\s+(\d+)/.exec(limits)?.[1])).toBe(maxDataBytes);
      expect(limits).toMatch(/Max file size\s+0\s/);
    }
  } finally {
    await pool.close();
  }
});
