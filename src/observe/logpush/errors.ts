/** Refusals of the Logpush API. 1004 is what the original answers for a job that it cannot accept; the others are ours. */
import { ApiError } from "../../lib/api.ts";
import { logpushLimits } from "./limits.ts";

/** Something of a job cannot be: `message` says what, why, and what to do. */
export const badJob = (message: string) => new ApiError(400, { code: 1004, message });

export const noSuchJob = (id: string) =>
  new ApiError(404, {
    code: 1003,
    message: `There is no Logpush job ${JSON.stringify(id.slice(0, 40))} in this account. GET …/logpush/jobs lists those there are.`,
  });

export const noSuchDataset = (name: string) =>
  badJob(`Dataset ${JSON.stringify(name.slice(0, 60))} is not there. The one there is: workers_trace_events.`);

export const tooManyJobs = () =>
  new ApiError(400, {
    code: 1005,
    message: `The account has ${logpushLimits.jobs} Logpush jobs, which is the most. Delete one that is not needed.`,
  });

export const pusherUnreachable = (reason: string) =>
  new ApiError(503, {
    code: 1006,
    message: `The process that pushes logs cannot be reached (${reason}). It restarts by itself: try again shortly.`,
  });
