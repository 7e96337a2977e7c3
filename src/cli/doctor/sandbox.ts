import type { Check, Finding } from "./check.ts";
import type { Machine } from "./machine.ts";

const name = "sandbox";
const consequence = "Workers run without a sandbox, so their code is held by the runtime alone";

/** The namespaces and rights that a runner's sandbox uses, tried on a program that does nothing. */
const TRIAL = [
  ["--ro-bind", "/", "/"],
  ["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts"],
  ["--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL"],
  ["--", "/bin/true"],
].flat();

/** bubblewrap is there and may make user namespaces; really tried. */
export const checkSandbox: Check = async (config, machine): Promise<Finding> => {
  if (config.sandbox === "off") {
    return { name, status: "warn", message: `${consequence} (FREEHOLD_SANDBOX=off)`, mend: "unset FREEHOLD_SANDBOX" };
  }
  const missing = await whyNoSandbox(machine);
  if (!missing) {
    const { stdout } = await machine.run("bwrap", ["--version"]);
    return { name, status: "ok", message: stdout.trim() };
  }
  const status = config.sandbox === "required" ? "fail" : "warn";
  return { name, status, message: `${missing.why}: ${consequence}`, mend: missing.mend };
};

/** Why bubblewrap cannot make a sandbox here, and what mends it; undefined when it can. */
export async function whyNoSandbox(machine: Machine): Promise<{ why: string; mend: string } | undefined> {
  if (machine.platform !== "linux") {
    return {
      why: `there is no bubblewrap for ${machine.platform}`,
      mend: "run Freehold on Linux for tenants you do not trust",
    };
  }
  const { code, stderr } = await machine.run("bwrap", TRIAL);
  if (code === 0) return undefined;
  if (code === undefined) return { why: "bubblewrap is not installed", mend: "sudo apt-get install bubblewrap" };
  const setting = (key: string) => machine.read(`/proc/sys/${key}`)?.trim();
  if (setting("kernel/unprivileged_userns_clone") === "0") {
    return {
      why: "the kernel denies user namespaces (kernel.unprivileged_userns_clone is 0)",
      mend: "sudo sysctl -w kernel.unprivileged_userns_clone=1",
    };
  }
  if (setting("user/max_user_namespaces") === "0") {
    return {
      why: "the kernel allows no user namespaces (user.max_user_namespaces is 0)",
      mend: "sudo sysctl -w user.max_user_namespaces=15000",
    };
  }
  if (setting("kernel/apparmor_restrict_unprivileged_userns") === "1") {
    return {
      why: "AppArmor denies user namespaces (kernel.apparmor_restrict_unprivileged_userns is 1)",
      mend: "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or give /usr/bin/bwrap an AppArmor profile with `userns,`",
    };
  }
  return {
    why: `bubblewrap fails (${stderr.trim().split("\n")[0]})`,
    mend: "inside a container: allow user namespaces (Docker: --security-opt seccomp=unconfined --security-opt apparmor=unconfined)",
  };
}
