import { readFileSync } from "node:fs";
import { paths } from "../../domain/paths.ts";
import type { PublicationState } from "../../domain/publication.ts";
import type { Check, Finding } from "./check.ts";

/** Of what is left out, as many are told. */
const MAX_TOLD = 5;

/** Whether what the database says is what requests are routed by. */
export const checkPublished: Check = (config): Finding => {
  const name = "published";
  const state = readState(paths(config).publication);
  if (state === undefined) return { name, status: "ok", message: "nothing yet: the platform has not run here" };
  const { failed, skipped } = state;
  if (failed) {
    return {
      name,
      status: "fail",
      message: `changes are stored and not in effect since ${failed.since}: ${failed.why}`,
      mend: "mend what it says; the platform tries again every second",
    };
  }
  if (skipped.length === 0) return { name, status: "ok", message: "routes are what the database says" };
  const told = skipped.slice(0, MAX_TOLD).map(({ what, why }) => `${what} (${why})`);
  const more = skipped.length > MAX_TOLD ? `, and ${skipped.length - MAX_TOLD} more` : "";
  return {
    name,
    status: "fail",
    message: `left out, since it cannot be read: ${told.join(", ")}${more}`,
    mend: "delete it and make it again, or restore the database and master.key of one backup",
  };
};

function readState(path: string): PublicationState | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as PublicationState;
  } catch {
    return undefined;
  }
}
