import { createRequire } from "node:module";
import type { Check } from "./check.ts";
import type { Machine, ProgramResult } from "./machine.ts";

/** The major version that package.json pins. */
const NODE_MAJOR = 26;

export const checkNode: Check = (_config, machine) => {
  const major = Number.parseInt(machine.nodeVersion, 10);
  return major >= NODE_MAJOR
    ? { name: "node", status: "ok", message: `Node ${machine.nodeVersion}` }
    : {
        name: "node",
        status: "fail",
        message: `Node ${machine.nodeVersion} runs this, but ${NODE_MAJOR} is needed`,
        mend: "npm run freehold -- doctor (it uses the pinned Node)",
      };
};

/** Runs the pinned runtime just far enough to say its version. */
async function askWorkerd(machine: Machine): Promise<ProgramResult> {
  try {
    const program: string = createRequire(import.meta.url)("workerd").default;
    return await machine.run(program, ["--version"]);
  } catch (error) {
    return { code: undefined, stdout: "", stderr: (error as Error).message };
  }
}

export const checkWorkerd: Check = async (_config, machine) => {
  const { code, stdout, stderr } = await askWorkerd(machine);
  if (code === 0) return { name: "workerd", status: "ok", message: stdout.trim() };
  return {
    name: "workerd",
    status: "fail",
    message: `the runtime does not start: ${stderr.trim().split("\n")[0] || `exit code ${code}`}`,
    mend: "rm -rf node_modules && npm start (workerd needs a 64-bit glibc Linux or macOS)",
  };
};

/** Slack for a clock that is a little behind when a release is new. */
const CLOCK_SLACK_MS = 24 * 3_600_000;

/** A clock before the runtime's own date is wrong: compatibility dates would be refused and certificates not be valid yet. */
export const checkClock: Check = async (_config, machine) => {
  const { stdout } = await askWorkerd(machine);
  const released = Date.parse(/\d{4}-\d{2}-\d{2}/.exec(stdout)?.[0] ?? "");
  const now = new Date(machine.now()).toISOString();
  if (machine.now() + CLOCK_SLACK_MS < released) {
    return {
      name: "clock",
      status: "fail",
      message: `it is set to ${now}, before the runtime was made: certificates and compatibility dates will be refused`,
      mend: "sudo timedatectl set-ntp true",
    };
  }
  return { name: "clock", status: "ok", message: now };
};
