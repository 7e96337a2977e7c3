import type { Check } from "./check.ts";

/** Connections of clients and of runners share the limit. */
const WARN_OPEN_FILES = 8_192;
const FAIL_OPEN_FILES = 1_024;

/** Node raises the soft limit to the hard one, so the hard one counts. */
export const checkOpenFiles: Check = async (_config, machine) => {
  const name = "open files";
  const { stdout } = await machine.run("/bin/sh", ["-c", "ulimit -Hn"]);
  const limit = stdout.trim() === "unlimited" ? Number.POSITIVE_INFINITY : Number(stdout.trim());
  if (!(limit < WARN_OPEN_FILES))
    return { name, status: "ok", message: `up to ${stdout.trim() || "an unknown number"}` };
  return {
    name,
    status: limit < FAIL_OPEN_FILES ? "fail" : "warn",
    message: `up to ${limit}: each open connection takes two`,
    mend: "ulimit -Hn 65536 in a root shell, LimitNOFILE=65536 in a systemd unit",
  };
};
