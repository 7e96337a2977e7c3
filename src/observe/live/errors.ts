/** Refusals of live logs. The codes are ours. */
import { ApiError } from "../../lib/api.ts";
import { MAX_SESSIONS_PER_ACCOUNT, MAX_SESSIONS_PER_SCRIPT } from "./limits.ts";

export const tooManyTails = (script: string) =>
  new ApiError(429, {
    code: 100160,
    message:
      `There are too many sessions of live logs: "${script}" may have ${MAX_SESSIONS_PER_SCRIPT}, your account ${MAX_SESSIONS_PER_ACCOUNT}. ` +
      "End one (Ctrl-C in its terminal); those without a client end within a minute.",
  });

export const tailsAway = (why: string) =>
  new ApiError(503, {
    code: 100161,
    message: `Live logs are not available: ${why}. The process that has them is starting or restarting; try again in a moment.`,
  });
