/** Refusals of live logs. The codes are ours. */
import { ApiError } from "../lib/api.ts";
import { MAX_SESSIONS_PER_SCRIPT } from "./tail-limits.ts";

export const tooManyTails = (script: string) =>
  new ApiError(429, {
    code: 100160,
    message:
      `"${script}" has ${MAX_SESSIONS_PER_SCRIPT} sessions of live logs, and cannot have more. ` +
      "End one (Ctrl-C in its terminal); those without a client end within a minute.",
  });

export const tailsAway = (why: string) =>
  new ApiError(503, {
    code: 100161,
    message: `Live logs are not available: ${why}. The process that has them is starting or restarting; try again in a moment.`,
  });
