import type { ZodType } from "zod";

/** What a token may do. Each scope includes those after it. */
export type Scope = "admin" | "edit" | "read";

/** Who makes a request, as recorded in the audit trail. */
export interface Actor {
  tokenId: string;
  /** Shown to people as the author of versions and deployments. */
  email: string;
  scope: Scope;
}

/** One entry of `errors` in the client's envelope (`wrangler-api.md` 1.3). */
export interface ApiFailure {
  code: number;
  message: string;
  meta?: Record<string, unknown>;
  /** Further lines the client prints under the message. */
  notes?: string[];
}

/** A refusal that reaches the client: a code it knows, an HTTP status, and what to do. */
export class ApiError extends Error {
  override name = "ApiError";
  readonly status: number;
  readonly failures: [ApiFailure, ...ApiFailure[]];

  constructor(status: number, first: ApiFailure, ...more: ApiFailure[]) {
    super(first.message);
    this.status = status;
    this.failures = [first, ...more];
  }
}

/** A result with envelope parts beside it. */
export class ApiResult {
  readonly result: unknown;
  readonly resultInfo: Record<string, unknown> | undefined;
  readonly messages: string[];
  readonly status: number;

  constructor(
    result: unknown,
    parts: { resultInfo?: Record<string, unknown>; messages?: string[]; status?: number } = {},
  ) {
    this.result = result;
    this.resultInfo = parts.resultInfo;
    this.messages = parts.messages ?? [];
    this.status = parts.status ?? 200;
  }
}

export interface ApiRequest<Platform, Body> {
  platform: Platform;
  actor: Actor;
  /** Id from `/accounts/:account`, already checked to be one the actor may use; on other paths the actor's own. Empty without a token. */
  accountId: string;
  params: Record<string, string>;
  query: URLSearchParams;
  /** JSON body parsed by the route's schema, whatever the content type said; undefined without a schema. */
  body: Body;
  /** The request itself, for bodies that are not JSON. */
  raw: Request;
}

/** A row of a route table. The tables are the API: handlers, OpenAPI and docs come from them. */
export interface Route<Platform> {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Path below `/client/v4`, with `:name` parameters. */
  path: string;
  /** Least scope that may call it. `none`: no API token (the handler checks a token of its own). */
  scope: Scope | "none";
  summary: string;
  body?: ZodType;
  /** False: no entry in the audit trail although it is no GET, unless the handler makes one: queries and polling. */
  audited?: false;
  /** Returns the `result`, an {@link ApiResult}, or a whole `Response` where the client expects no envelope. */
  handle(request: ApiRequest<Platform, never>): unknown;
}

/** Declares a route whose handler sees the body as its schema parses it. */
export function route<Platform, Body = undefined>(
  row: Omit<Route<Platform>, "handle" | "body"> & {
    body?: ZodType<Body>;
    handle(request: ApiRequest<Platform, Body>): unknown;
  },
): Route<Platform> {
  return row as Route<Platform>;
}
