import { ApiError, type ApiFailure, type Scope } from "../lib/api.ts";

/**
 * Refusals of the API server itself. Codes are the original's where clients read them
 * (`wrangler-api.md` 1.5 and 10): 9106 and 10000 make wrangler show which token and account it uses.
 */
const codes = {
  missingCredentials: 9106,
  authentication: 10000,
  invalidToken: 9109,
  noRoute: 7003,
  method: 7001,
  body: 10026,
  bodySize: 10027,
  internal: 10013,
} as const;

const unknownToken =
  "this API token is unknown or was revoked. Use the one that `freehold env` prints, or make one with `freehold token create`.";

export const refuse = {
  missingCredentials: () =>
    failure(
      400,
      codes.missingCredentials,
      'Missing credentials. Send "Authorization: Bearer <token>"; for wrangler set CLOUDFLARE_API_TOKEN, which `freehold env` prints.',
    ),

  badToken: () => failure(401, codes.authentication, `Authentication error: ${unknownToken}`),

  /** Where wrangler goes after 10000: another 10000 here would make it fail with a stack trace. */
  badTokenToVerify: () => failure(401, codes.invalidToken, `Invalid access token: ${unknownToken}`),

  wrongAccount: (asked: string, own: string) =>
    failure(
      403,
      codes.authentication,
      `Authentication error: this API token belongs to account ${own}, not to ${asked.slice(0, 64)}. Set CLOUDFLARE_ACCOUNT_ID=${own}, or account_id in wrangler's configuration.`,
    ),

  scopeTooSmall: (has: Scope, needs: Scope) =>
    failure(
      403,
      codes.authentication,
      `Authentication error: this API token has scope "${has}", and this call needs "${needs}". Use a token made with \`freehold token create --name NAME --scope ${needs}\`.`,
    ),

  noRoute: (path: string) =>
    failure(
      404,
      codes.noRoute,
      `Could not route to ${path.slice(0, 200)}, perhaps your object identifier is invalid? GET /client/v4/openapi.json lists every route.`,
    ),

  method: (method: string, allowed: string[]) =>
    failure(405, codes.method, `Method ${method} not available for that URI. Use ${allowed.join(" or ")}.`),

  bodySize: (limitBytes: number) =>
    failure(413, codes.bodySize, `The request body is larger than ${limitBytes} bytes. Send less in one request.`),

  unreadableBody: (why: string) =>
    failure(400, codes.body, `Could not parse the request body as JSON (${why}). Send a JSON document.`),

  /** `problems` name the field and what is wrong with it. */
  badBody: (problems: [string, ...string[]]) => {
    const [first, ...more] = problems.map((problem) => ({
      code: codes.body,
      message: `The request body is not what this call expects: ${problem}. Correct it and try again.`,
    })) as [ApiFailure, ...ApiFailure[]];
    return new ApiError(400, first, ...more);
  },

  internal: (ray: string) =>
    failure(
      500,
      codes.internal,
      `An internal error occurred (ray ${ray}). Try again; if it stays, look for this ray in the platform's output.`,
    ),

  diskFull: () =>
    failure(
      507,
      codes.internal,
      "The disk of this platform is full. Make room in its data directory, then try again: it is safe to repeat the call.",
    ),

  supervisorSilent: () =>
    failure(
      503,
      codes.internal,
      "The platform is restarting and could not finish this request. Try again in a few seconds.",
    ),
};

function failure(status: number, code: number, message: string): ApiError {
  return new ApiError(status, { code, message });
}
