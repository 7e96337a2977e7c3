import { scriptOfProject } from "../pages/names.ts";
import { callApi } from "./api-client.ts";
import { type Command, configOptionsHelp, type Io, parseWithConfig, UsageError, withPlatformHere } from "./command.ts";
import { type LogEvent, logLines } from "./log-lines.ts";
import { readWranglerEnv } from "./wrangler-env.ts";

const UNITS_MS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DEFAULT_SINCE = "1h";
const DEFAULT_LIMIT = 100;
/** What the API gives at once. */
const MAX_LIMIT = 2000;

interface Asked {
  script: string | undefined;
  sinceMs: number;
  search: string | undefined;
  errors: boolean;
  limit: number;
}

export const logs: Command = {
  usage: "logs [SCRIPT] [--since TIME]",
  summary: "Prints stored logs of a Worker or a Pages project.",
  details: `  freehold logs shop
  freehold logs shop --since 15m --errors
  freehold logs --pages site --search "user 7"
  freehold logs --since 2d --json

  --pages PROJECT  of a Pages project; without it or SCRIPT: of everything in the account
  --since TIME     how far back, such as 30s, 15m, 6h, 2d (default ${DEFAULT_SINCE})
  --search TEXT    only what has this text, in any field
  --errors         only errors: of invocations that failed, and of console.error
  --limit N        so many at most, the newest (default ${DEFAULT_LIMIT}, up to ${MAX_LIMIT})
  --json           whole events, one a line, as the API has them

Logs are stored for Workers with "observability": { "enabled": true } in their configuration; what happens now
is shown by \`freehold wrangler tail\`. Talks to the running platform.

${configOptionsHelp}`,
  async run(args, io) {
    const options = {
      pages: { type: "string" },
      since: { type: "string" },
      search: { type: "string" },
      errors: { type: "boolean" },
      limit: { type: "string" },
      json: { type: "boolean" },
    } as const;
    const { values, positionals, config } = parseWithConfig(
      args,
      options,
      { ...io, env: withPlatformHere(io.env) },
      true,
    );
    const asked: Asked = {
      script: scriptOf(positionals, values.pages),
      sinceMs: duration(values.since ?? DEFAULT_SINCE),
      search: values.search,
      errors: values.errors ?? false,
      limit: limitOf(values.limit),
    };
    const body = queryOf(asked, Date.now());
    const result = (await callApi(readWranglerEnv(config), "POST", "/workers/observability/telemetry/query", body)) as {
      events: { events: LogEvent[]; count: number };
    };
    print(result.events, asked, values.json ?? false, io);
    return 0;
  },
};

function scriptOf([script, ...more]: string[], project: string | undefined): string | undefined {
  if (more.length > 0) throw new UsageError(`Too many arguments: ${more.join(" ")}`);
  if (project === undefined) return script;
  if (script !== undefined) throw new UsageError("Say a Worker or --pages PROJECT, not both.");
  return scriptOfProject(project);
}

function duration(text: string): number {
  const [, amount, unit = ""] = /^(\d+)([smhd])$/.exec(text) ?? [];
  const unitMs = UNITS_MS[unit];
  if (amount === undefined || !unitMs)
    throw new UsageError(`--since ${text}: write a number and s, m, h or d, such as 15m.`);
  return Number(amount) * unitMs;
}

function limitOf(text: string | undefined): number {
  const limit = text === undefined ? DEFAULT_LIMIT : Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new UsageError(`--limit ${text}: write a number from 1 to ${MAX_LIMIT}.`);
}

function queryOf({ script, sinceMs, search, errors, limit }: Asked, nowMs: number): object {
  const is = (key: string, value: string) => ({ key, operation: "eq", type: "string", value });
  return {
    queryId: "freehold-logs",
    view: "events",
    timeframe: { from: Math.max(0, nowMs - sinceMs), to: nowMs },
    limit,
    parameters: {
      filters: [
        ...(script === undefined ? [] : [is("$metadata.service", script)]),
        ...(errors ? [is("$metadata.level", "error")] : []),
      ],
      ...(search !== undefined && { needle: { value: search } }),
    },
  };
}

/** Oldest first, as they happened. */
function print({ events, count }: { events: LogEvent[]; count: number }, asked: Asked, json: boolean, io: Io): void {
  const style = { colours: isColoured(io), services: asked.script === undefined };
  for (const event of events.toReversed()) {
    if (json) io.out(plainJson(event));
    else for (const line of logLines(event, style)) io.out(line);
  }
  if (events.length === 0) {
    io.err(nothing(asked));
  } else if (count > events.length) {
    io.err(
      `These are the newest ${events.length} of ${Math.round(count)}. More: --limit N, or narrow it with --since, --search, --errors.`,
    );
  }
}

/** JSON leaves some of what a terminal would obey as it is. */
function plainJson(event: LogEvent): string {
  return JSON.stringify(event).replace(
    /[\u007f-\u009f]/g,
    (character) => `\\u00${character.charCodeAt(0).toString(16)}`,
  );
}

function isColoured({ env }: Io): boolean {
  return process.stdout.isTTY === true && !env.NO_COLOR;
}

/** What may be the reason: a filter, the time, or that nothing is stored at all. */
function nothing({ script, search, errors }: Asked): string {
  const of = script === undefined ? "" : ` of ${script}`;
  if (search !== undefined || errors)
    return `Nothing that matches is stored${of}: look further back with --since, or ask for all.`;
  return `Nothing is stored${of} of that time. Is there such a Worker, with "observability": { "enabled": true } in its configuration?`;
}
