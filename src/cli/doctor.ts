import { type Command, configOptionsHelp, parseWithConfig, withPlatformHere } from "./command.ts";
import type { Check, Finding } from "./doctor/check.ts";
import { checkDisk } from "./doctor/disk.ts";
import { checkOpenFiles } from "./doctor/limits.ts";
import { type Machine, realMachine } from "./doctor/machine.ts";
import { checkCertificate, checkNames } from "./doctor/names.ts";
import { checkHttpsPort, checkPort } from "./doctor/port.ts";
import { checkPublished } from "./doctor/published.ts";
import { checkReporting } from "./doctor/reporting.ts";
import { checkClock, checkNode, checkWorkerd } from "./doctor/runtime.ts";
import { checkSandbox } from "./doctor/sandbox.ts";
import { checkStateLock } from "./doctor/state.ts";

const checks: Check[] = [
  checkNode,
  checkWorkerd,
  checkPort,
  checkHttpsPort,
  checkDisk,
  checkSandbox,
  checkStateLock,
  checkPublished,
  checkReporting,
  checkClock,
  checkOpenFiles,
  checkNames,
  checkCertificate,
];

/** The `doctor` command for a machine. */
export function doctorFor(machine: Machine): Command {
  return {
    usage: "doctor [--json] [options]",
    summary: "Looks at this machine and says what to mend.",
    details: `Exit code 1 when something fails; warnings do not count.

  --json          findings as JSON: name, status (ok, warn, fail), message, mend
${configOptionsHelp}`,
    async run(args, io) {
      const here = { ...io, env: withPlatformHere(io.env) };
      const { config, values } = parseWithConfig(args, { json: { type: "boolean" } }, here);
      const findings: Finding[] = [];
      // One after the other: a busy disk would disturb the other measurements.
      for (const check of checks) findings.push(await check(config, machine));
      if (values.json) io.out(JSON.stringify(findings, null, 2));
      else for (const line of findings.flatMap(lines)) io.out(line);
      return findings.some(({ status }) => status === "fail") ? 1 : 0;
    },
  };
}

export const doctor = doctorFor(realMachine);

function lines({ name, status, message, mend }: Finding): string[] {
  const first = `${status.padEnd(4)}  ${name.padEnd(11)}  ${message}`;
  return mend ? [first, `${" ".repeat(19)}mend: ${mend}`] : [first];
}
