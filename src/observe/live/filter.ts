import type { TailFilter } from "../../domain/live-tail.ts";
import { type TraceItem, UNREDACTED } from "../../domain/trace.ts";

/** Whether an invocation of a version is what a session asks for. */
export type Matches = (item: TraceItem, versionId: string) => boolean;

/** The filter that keeps an invocation out, or undefined. */
export type FirstObstacle = (item: TraceItem, versionId: string) => TailFilter | undefined;

/** All filters must hold; those that are decided by chance come last, so that they are a share of what the others let through. */
export function obstacles(filters: readonly TailFilter[]): FirstObstacle {
  const checks = filters.map((filter) => ({ filter, matches: compiled(filter) }));
  const ordered = [
    ...checks.filter(({ filter }) => !("sampling_rate" in filter)),
    ...checks.filter(({ filter }) => "sampling_rate" in filter),
  ];
  return (item, versionId) => ordered.find(({ matches }) => !matches(item, versionId))?.filter;
}

function compiled(filter: TailFilter): Matches {
  if ("sampling_rate" in filter) return () => Math.random() < filter.sampling_rate;
  if ("outcome" in filter) return ({ outcome }) => filter.outcome.includes(outcome);
  if ("scriptVersion" in filter) return (_item, versionId) => versionId === filter.scriptVersion;
  if ("query" in filter) return ({ logs }) => logs.some(({ message }) => contains(message, filter.query));
  if ("method" in filter) {
    const methods = new Set(filter.method.map((method) => method.toUpperCase()));
    return (item) => methods.has(textIn(requestOf(item), "method") ?? "");
  }
  if ("client_ip" in filter) {
    const addresses = new Set(filter.client_ip.map(canonicalAddress));
    return (item) => addresses.has(canonicalAddress(headerOf(item, "cf-connecting-ip") ?? ""));
  }
  const { key, query } = filter.header;
  const name = key.toLowerCase();
  return (item) => {
    const secret = textIn(item[UNREDACTED]?.headers, name);
    // Only who knows the whole of a secret finds it: parts of one could be guessed, one after the other.
    if (secret !== undefined) return query === undefined || secret === query;
    const value = headerOf(item, name);
    return value !== undefined && (query === undefined || value.includes(query));
  };
}

/** What a runner reports has been in the hands of its code: it may have any shape. */
function textIn(value: unknown, name: string): string | undefined {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  const text = (value as Record<string, unknown>)[name];
  return typeof text === "string" ? text : undefined;
}

function requestOf({ event }: TraceItem): Record<string, unknown> | null | undefined {
  return event?.request as Record<string, unknown> | null | undefined;
}

function headerOf(item: TraceItem, name: string): string | undefined {
  return textIn(requestOf(item)?.headers, name);
}

function contains(message: unknown[], text: string): boolean {
  return message.some((part) => textOf(part).includes(text));
}

/** Made once for all filters of all sessions: to write an object takes long, and code of tenants says how large it is. */
const written = new WeakMap<object, string>();

function textOf(part: unknown): string {
  if (typeof part === "string") return part;
  if (typeof part !== "object" || part === null) return JSON.stringify(part) ?? "";
  const known = written.get(part);
  if (known !== undefined) return known;
  const text = JSON.stringify(part);
  written.set(part, text);
  return text;
}

/** One spelling of an IP address; other text as it is. */
function canonicalAddress(address: string): string {
  if (!address.includes(":")) return address;
  const url = `http://[${address}]/`;
  return URL.canParse(url) ? new URL(url).hostname : address;
}
