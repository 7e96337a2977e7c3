import { CommandError } from "./command.ts";
import type { WranglerEnv } from "./wrangler-env.ts";

const TIMEOUT_MS = 15_000;

interface Envelope {
  success: boolean;
  result: unknown;
  errors?: { code: number; message: string }[];
}

/** As {@link callPlatform}, with a path below the account. */
export function callApi(env: WranglerEnv, method: string, path: string, body?: unknown): Promise<unknown> {
  return callPlatform(env, method, `/accounts/${env.CLOUDFLARE_ACCOUNT_ID}${path}`, body);
}

/**
 * Calls the running platform's API with the token of `wrangler.env` and returns the envelope's `result`.
 * Throws {@link CommandError} with the platform's own words.
 */
export async function callPlatform(env: WranglerEnv, method: string, path: string, body?: unknown): Promise<unknown> {
  const url = env.CLOUDFLARE_API_BASE_URL + path;
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      headers: { authorization: `Bearer ${env.CLOUDFLARE_API_TOKEN}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (error) {
    throw new CommandError(
      `Freehold does not answer at ${env.CLOUDFLARE_API_BASE_URL} (${reason(error)}). Is it running? Start it with: npm start`,
    );
  }
  const envelope = (await response.json().catch(() => undefined)) as Envelope | undefined;
  if (envelope?.success) return envelope.result;
  const errors = envelope?.errors?.map((error) => `${error.message} [code: ${error.code}]`).join("\n");
  throw new CommandError(errors || `The API answered ${response.status} without saying why.`);
}

function reason(error: unknown): string {
  const { cause, message } = error as Error & { cause?: { code?: string } };
  return cause?.code ?? message;
}
