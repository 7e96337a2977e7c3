import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { endLeftovers } from "./process-list.ts";

const works = spawnSync("bwrap", ["--ro-bind", "/", "/", "true"]).status === 0;
if (!works) console.warn("skipped: bubblewrap does not work here, so there are no sandboxed runners to find");

/** A process that sees `directory` at `/in`, as a runner does; ready once it has said so. */
async function startSandboxed(directory: string) {
  const root = ["--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib"];
  const more = ["--symlink", "usr/lib64", "/lib64", "--bind", directory, "/in"];
  const child = spawn("bwrap", [...root, ...more, "sh", "-c", "echo ready; exec sleep 60"]);
  await once(child.stdout, "data");
  return { child, ended: once(child, "exit") };
}

test.skipIf(!works)(
  "a runner that no list names is found by its sandbox; those of other platforms are left alone",
  async () => {
    const root = mkdtempSync(join(tmpdir(), "fh-left-"));
    const directories = ["mine/run", "other/run"].map((name) => join(root, name));
    for (const directory of directories) mkdirSync(join(directory, "instance", "in"), { recursive: true });
    const [mine = "", other = ""] = directories;
    const ours = await startSandboxed(join(mine, "instance", "in"));
    const theirs = await startSandboxed(join(other, "instance", "in"));
    try {
      expect(await endLeftovers(join(root, "none"), mine)).toBeGreaterThan(0);
      await ours.ended;
      expect(theirs.child.exitCode).toBeNull();
      expect(theirs.child.signalCode).toBeNull();
      expect(await endLeftovers(join(root, "none"), other)).toBeGreaterThan(0);
      await theirs.ended;
    } finally {
      ours.child.kill("SIGKILL");
      theirs.child.kill("SIGKILL");
      rmSync(root, { recursive: true, force: true });
    }
  },
);
