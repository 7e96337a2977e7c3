import { readFileSync } from "node:fs";
import { paths } from "../../domain/paths.ts";
import type { SilentRunner } from "../../domain/silent-runners.ts";
import type { Check, Finding } from "./check.ts";

/** Of runners that report nothing, as many are told. */
const MAX_TOLD = 5;

/** Whether Workers that somebody watches, or whose logs somebody wants, report what they do. */
export const checkReporting: Check = (config): Finding => {
  const name = "reporting";
  const silent = readSilent(paths(config).silentRunners);
  if (silent.length === 0) return { name, status: "ok", message: "logs come from every Worker that is watched" };
  const told = silent.slice(0, MAX_TOLD).map(({ script, accountId, versionId, why, since }) => {
    return `${script} of ${accountId}, version ${versionId}, since ${since}: ${why.split("\n")[0]}`;
  });
  const more = silent.length > MAX_TOLD ? `, and ${silent.length - MAX_TOLD} more` : "";
  return {
    name,
    status: "warn",
    message: `serves, but has no logs, as another process of it does not start: ${told.join(", ")}${more}`,
    mend: "deploy a version that starts: this one will be down once its process ends",
  };
};

/** Without a platform that runs there is no such file. */
function readSilent(path: string): SilentRunner[] {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as SilentRunner[];
  } catch {
    return [];
  }
}
