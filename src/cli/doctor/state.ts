import type { Check } from "./check.ts";

/** Whether the directories of Durable Objects can be locked against a second owner, whatever crashes. */
export const checkStateLock: Check = async (_config, machine) => {
  const name = "state lock";
  const { code, stdout } = await machine.run("flock", ["--version"]);
  // Others than util-linux's cannot wait for a lock, which the platform needs.
  if (code === 0 && stdout.includes("util-linux")) return { name, status: "ok", message: stdout.trim() };
  const why = code === undefined ? "flock is not installed" : "the flock program is not that of util-linux";
  return {
    name,
    status: "warn",
    message: `${why}: after a crash nothing but the platform's own bookkeeping keeps two processes from the same Durable Objects`,
    mend:
      machine.platform === "linux"
        ? "sudo apt-get install util-linux"
        : "run Freehold on Linux for data you care about",
  };
};
