import { CommandError } from "./command.ts";
import type { WranglerEnv } from "./wrangler-env.ts";

const TIMEOUT_MS = 15_000;
/** Entries of a list asked for at once: every list of the API may be asked for as many. */
const PAGE_SIZE = 100;

interface Envelope {
  success: boolean;
  result: unknown;
  errors?: Failure[];
}

interface Failure {
  code: number;
  message: string;
}

/** As {@link callPlatform}, with a path below the account. */
export function callApi(env: WranglerEnv, method: string, path: string, body?: unknown): Promise<unknown> {
  return callPlatform(env, method, `/accounts/${env.CLOUDFLARE_ACCOUNT_ID}${path}`, body);
}

/** All pages of a list below the account. Throws as {@link callPlatform} does. */
export async function listApi<T>(env: WranglerEnv, path: string): Promise<T[]> {
  const rows: T[] = [];
  for (let page = 1; ; page++) {
    const more = (await callApi(env, "GET", `${path}?page=${page}&per_page=${PAGE_SIZE}`)) as T[];
    rows.push(...more);
    if (more.length < PAGE_SIZE) return rows;
  }
}

/**
 * Calls the running platform's API with the token of `wrangler.env` and returns the envelope's `result`.
 * Throws {@link CommandError} with the platform's own words.
 */
export async function callPlatform(env: WranglerEnv, method: string, path: string, body?: unknown): Promise<unknown> {
  const json = { headers: { "content-type": "application/json" } };
  return resultOf(
    await askPlatform(env, method, path, body === undefined ? json : { ...json, body: JSON.stringify(body) }),
  );
}

/** The bare answer of a call, for bodies that are not JSON. Throws {@link CommandError} when there is none. */
export async function askPlatform(
  env: WranglerEnv,
  method: string,
  path: string,
  { headers, body }: { headers?: Record<string, string>; body?: string | FormData } = {},
): Promise<Response> {
  try {
    return await fetch(env.CLOUDFLARE_API_BASE_URL + path, {
      method,
      headers: { authorization: `Bearer ${env.CLOUDFLARE_API_TOKEN}`, ...headers },
      ...(body === undefined ? {} : { body }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (error) {
    throw new CommandError(
      `Freehold does not answer at ${env.CLOUDFLARE_API_BASE_URL} (${reason(error)}). Is it running? Start it with: npm start`,
    );
  }
}

/** The API's refusal, in its own words. */
export class ApiRefusal extends CommandError {
  override name = "ApiRefusal";
  /** HTTP status. */
  readonly status: number;
  /** Of the first error; undefined when the answer had none. */
  readonly code: number | undefined;

  constructor(status: number, errors: Failure[] = []) {
    const words = errors.map(({ message, code }) => `${message} [code: ${code}]`).join("\n");
    super(words || `The API answered ${status} without saying why.`);
    this.status = status;
    this.code = errors[0]?.code;
  }
}

/** The `result` in an answer's envelope. Throws {@link ApiRefusal}. */
export async function resultOf(response: Response): Promise<unknown> {
  const envelope = (await response.json().catch(() => undefined)) as Envelope | undefined;
  if (envelope?.success) return envelope.result;
  throw new ApiRefusal(response.status, envelope?.errors);
}

/** Why a request had no answer. */
export function reason(error: unknown): string {
  const { cause, message } = error as Error & { cause?: { code?: string } };
  return cause?.code ?? message;
}
