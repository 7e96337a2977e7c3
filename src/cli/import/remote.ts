/** Another platform's API, read with a token of its user. */
import { reason } from "../api-client.ts";
import { CommandError } from "../command.ts";
import { oneLine } from "../one-line.ts";

const TIMEOUT_MS = 30_000;

export const HOSTED_API = "https://api.cloudflare.com/client/v4";
/** Not the client's own variable, which names a token of this platform. */
export const TOKEN_VARIABLE = "FREEHOLD_IMPORT_TOKEN";

/** The other platform's refusal: what it said and what to do. */
export class RemoteRefusal extends CommandError {
  override name = "RemoteRefusal";
  /** HTTP status. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface RemoteAccount {
  baseUrl: string;
  account: string;
  token: string;
}

/** The account, checked before its token leaves this machine. Throws {@link CommandError}. */
export function remoteAccount(account: string, baseUrl: string, token: string | undefined): RemoteAccount {
  if (!token) throw new CommandError(`${TOKEN_VARIABLE} is not set: it holds the token that reads the other account.`);
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) throw new CommandError(`"${baseUrl}" is no address of an API.`);
  const isHere = /(^|\.)localhost$|^127\.|^\[::1\]$/.test(url.hostname);
  if (url.protocol === "http:" && !isHere)
    throw new CommandError(`A token is not sent to ${url.host} without TLS. Use https.`);
  return { baseUrl: baseUrl.replace(/\/+$/, ""), account, token };
}

/** The `result` of a GET below the account. `what` is what is read, for people. Throws {@link RemoteRefusal}. */
export async function readRemote<T>(remote: RemoteAccount, path: string, what: string): Promise<T> {
  return (await askRemote<T>(remote, path, what)).result;
}

interface Envelope<T> {
  success?: boolean;
  result: T;
  result_info?: { total_pages?: unknown } | null;
  errors?: { code: number; message: string }[];
}

async function askRemote<T>(remote: RemoteAccount, path: string, what: string): Promise<Envelope<T>> {
  let response: Response;
  try {
    response = await fetch(`${remote.baseUrl}/accounts/${encodeURIComponent(remote.account)}${path}`, {
      headers: { authorization: `Bearer ${remote.token}` },
      // The token is for this host alone.
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (error) {
    throw new CommandError(`${remote.baseUrl} does not answer (${reason(error)}).`);
  }
  const envelope = (await response.json().catch(() => undefined)) as Envelope<T> | undefined;
  if (response.ok && envelope?.success) return envelope;
  throw refusal(
    remote,
    response,
    what,
    // Each on a line of its own, which it must not leave.
    envelope?.errors?.map(({ message, code }) => oneLine(`${message} [code: ${code}]`)),
  );
}

function refusal(remote: RemoteAccount, { status, headers }: Response, what: string, words: string[] = []) {
  const after = headers.get("retry-after");
  const why: Record<number, string> = {
    401: `the token in ${TOKEN_VARIABLE} is not valid there`,
    403: `the token in ${TOKEN_VARIABLE} may not read it; give it that permission for the account ${remote.account}`,
    404: `there is no such thing in the account ${remote.account}`,
    429: `it takes no more requests for now; try again ${after ? `in ${after} seconds` : "later"}`,
  };
  const said = words.length > 0 ? `\n${words.join("\n")}` : "";
  return new RemoteRefusal(
    status,
    `${new URL(remote.baseUrl).host} did not give ${what}: ${why[status] ?? `it answered ${status}`}.${said}`,
  );
}

/** All pages of a list. `size` is what the original gives at most; who gives less a page says how many there are. */
export async function listRemote<T>(remote: RemoteAccount, path: string, what: string, size: number): Promise<T[]> {
  const all: T[] = [];
  for (let page = 1; page <= MAX_PAGES; page++) {
    const { result, result_info } = await askRemote<T[]>(remote, `${path}?page=${page}&per_page=${size}`, what);
    if (!Array.isArray(result)) throw new CommandError(`${new URL(remote.baseUrl).host} gave no list of ${what}.`);
    all.push(...result);
    const pages = result_info?.total_pages;
    if (result.length === 0 || (typeof pages === "number" ? page >= pages : result.length < size)) return all;
  }
  throw new CommandError(`${new URL(remote.baseUrl).host} has more than ${MAX_PAGES} pages of ${what}.`);
}

const MAX_PAGES = 1_000;
