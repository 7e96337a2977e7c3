/**
 * Refusals of the API of Cron Triggers. The client knows none of them and shows the messages; 10007 and 10026 are
 * the original's for the same cases elsewhere.
 */
import { ApiError } from "../../lib/api.ts";
import { MAX_ASKED_RUNS, MAX_TRIGGERS } from "./limits.ts";

const refuse = (status: number, code: number, message: string) => new ApiError(status, { code, message });

export const scriptNotFound = (name: string) =>
  refuse(
    404,
    10007,
    `This Worker does not exist on your account: ${JSON.stringify(name.slice(0, 80))}. Deploy it first.`,
  );

export const invalidCron = (cron: string, why: string) =>
  refuse(400, 10026, `The cron expression ${JSON.stringify(cron.slice(0, 80))} is not valid: ${why}.`);

export const tooManyTriggers = (count: number) =>
  refuse(
    400,
    10026,
    `Your account would have ${count} cron triggers; at most ${MAX_TRIGGERS} are allowed. Remove some from this Worker or another.`,
  );

export const triggerNotFound = (cron: string | undefined, crons: string[]) => {
  const known = crons.length > 0 ? `It has: ${crons.map((one) => JSON.stringify(one)).join(", ")}` : "It has none";
  const asked =
    cron === undefined
      ? "Say which one of this Worker's cron triggers with `cron`"
      : `This Worker has no cron trigger ${JSON.stringify(cron.slice(0, 80))}`;
  return refuse(404, 10026, `${asked}. ${known}.`);
};

export const tooManyAskedRuns = () =>
  refuse(
    429,
    10429,
    `${MAX_ASKED_RUNS} runs of this Worker's cron triggers that were asked for go on. Repeat this when one of them has ended.`,
  );

export const runNotFound = (id: string) =>
  refuse(404, 10007, `This Worker has no run ${JSON.stringify(id.slice(0, 80))}: the last 100 are kept.`);
