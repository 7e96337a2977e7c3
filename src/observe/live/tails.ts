import { json } from "node:stream/consumers";
import { z } from "zod";
import { type OpenedTail, type OpenTail, TAIL_PATH, type TailFilter } from "../../domain/live-tail.ts";
import type { Platform, ServicesReply } from "../../store/platform.ts";
import { tailsAway, tooManyTails } from "./errors.ts";
import { MAX_FILTER_TEXT, MAX_FILTER_VALUES, MAX_FILTERS, MAX_QUERIES } from "./limits.ts";

const text = z.string().max(MAX_FILTER_TEXT);
const values = z.array(text).min(1).max(MAX_FILTER_VALUES);

const filterSchema = z.union(
  [
    z.strictObject({ sampling_rate: z.number().gt(0).lte(1) }),
    z.strictObject({ outcome: values }),
    z.strictObject({ method: values }),
    z.strictObject({ header: z.strictObject({ key: text.min(1), query: text.optional() }) }),
    z.strictObject({ client_ip: values }),
    z.strictObject({ query: text }),
    z.strictObject({ scriptVersion: text }),
  ],
  {
    error:
      "A filter is one of {sampling_rate} (0 to 1), {outcome: []}, {method: []}, {header: {key, query}}, {client_ip: []}, {query}, {scriptVersion}.",
  },
);

/** What clients send to begin a session. */
export const tailSchema = z
  .object({
    filters: z
      .array(filterSchema)
      .max(MAX_FILTERS)
      .refine(
        (filters) => filters.filter((filter) => "query" in filter).length <= MAX_QUERIES,
        `there may be ${MAX_QUERIES} filters {query}`,
      )
      .optional(),
  })
  .nullish();

export type TailRequest = z.infer<typeof tailSchema>;

/** Who asks, and where. */
export interface Asked {
  platform: Pick<Platform, "services">;
  accountId: string;
  raw: Request;
}

/** A session as clients see it. */
export interface ShownTail {
  id: string;
  url: string;
  expires_at: string;
}

/** What a client asks for; `self` becomes its address. */
export function filtersOf(body: TailRequest, { headers }: Request): TailFilter[] {
  const self = headers.get("x-forwarded-for") ?? "";
  return (body?.filters ?? []).map((filter) =>
    "client_ip" in filter
      ? { client_ip: filter.client_ip.map((address) => (address === "self" ? self : address)) }
      : (filter as TailFilter),
  );
}

/** Begins a session; resolves when the script's invocations are reported to it. Errors: 100160, 100161. */
export async function openTail(asked: Asked, script: string, wanted: OpenTail): Promise<ShownTail> {
  const reply = await call(asked, "POST", script, JSON.stringify(wanted));
  if (reply.status === 429) throw tooManyTails(wanted.scriptName ?? script);
  const { id, secret, expiresMs } = await answer<OpenedTail>(reply);
  return { id, url: `${socketOrigin(asked.raw)}${TAIL_PATH}${secret}`, expires_at: new Date(expiresMs).toISOString() };
}

/** Sessions of a script, without the addresses, which hold their secrets. */
export async function listTails(asked: Asked, script: string): Promise<{ id: string; expires_at: string }[]> {
  const tails = await answer<{ id: string; expiresMs: number }[]>(await call(asked, "GET", script));
  return tails.map(({ id, expiresMs }) => ({ id, expires_at: new Date(expiresMs).toISOString() }));
}

/** Ends a session. One that is over is no error: clients end theirs also after it ended itself. */
export async function closeTail(asked: Asked, script: string, id: string): Promise<void> {
  if (!/^[0-9a-f]{32}$/.test(id)) return;
  await answer(await call(asked, "DELETE", script, undefined, `/${id}`));
}

/**
 * The API's own address as the client reached it, for a WebSocket: what the client can reach and, over https, trusts, as it
 * has just used it.
 */
function socketOrigin({ url, headers }: Request): string {
  const scheme = headers.get("x-forwarded-proto") === "https" ? "wss" : "ws";
  return `${scheme}://${headers.get("host") ?? new URL(url).host}`;
}

async function call({ platform, accountId }: Asked, method: string, script: string, body?: string, more = "") {
  try {
    return await platform.services(`/tails/${accountId}/${script}${more}`, { method, ...(body && { body }) });
  } catch (error) {
    throw tailsAway(error instanceof Error ? error.message : String(error));
  }
}

async function answer<Result>({ status, body }: ServicesReply): Promise<Result> {
  const result = (await json(body)) as Result & { error?: string };
  if (status !== 200) throw tailsAway(result.error ?? `status ${status}`);
  return result;
}
