import type { Hono } from "hono";
import type { Scope } from "../lib/api.ts";
import type { ApiRoute } from "../store/platform.ts";
import { type TestPlatform, testPlatform } from "../store/testing.ts";
import { auditTrail } from "./audit.ts";
import { createApp } from "./server.ts";
import { Tokens } from "./tokens.ts";

export interface Answer {
  status: number;
  headers: Headers;
  /** The envelope. */
  json: {
    success: boolean;
    result: never;
    errors: { code: number; message: string; error_chain?: { code: number; message: string }[] }[];
    messages: { code: number; message: string }[];
    result_info?: { page: number; per_page: number; count: number; total_count: number; total_pages: number };
  };
}

/** The control role's app over a test platform, without processes and sockets. */
export interface TestControl {
  app: Hono;
  platform: TestPlatform;
  tokens: Tokens;
  /** One token of each scope. */
  keys: Record<Scope, string>;
  accountId: string;
  /** Calls a path below `/client/v4`, with the admin token unless `as` says otherwise. */
  call(
    method: string,
    path: string,
    options?: { as?: Scope | "nobody"; headers?: Record<string, string>; body?: unknown },
  ): Promise<Answer>;
  end(): Promise<void>;
}

export async function testControl(
  makeRoutes: (tokens: Tokens) => ApiRoute[],
  env: Record<string, string> = {},
): Promise<TestControl> {
  const platform = await testPlatform(env);
  platform.audit = auditTrail(platform.db);
  const tokens = new Tokens(platform.db);
  const accountId = platform.account.id;
  const make = async (scope: Scope) => (await tokens.create({ accountId, name: `My ${scope}`, scope })).text;
  const keys = { admin: await make("admin"), edit: await make("edit"), read: await make("read") };
  const app = createApp({ platform, tokens, routes: makeRoutes(tokens), isPublished: () => true });
  return {
    app,
    platform,
    tokens,
    keys,
    accountId,
    end: () => platform.end(),
    async call(method, path, { as = "admin", headers = {}, body } = {}) {
      const response = await app.request(`http://localhost:8787/client/v4${path}`, {
        method,
        headers: { ...(as !== "nobody" && { authorization: `Bearer ${keys[as]}` }), ...headers },
        ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      const isJson = text !== "" && (response.headers.get("content-type") ?? "").includes("json");
      return { status: response.status, headers: response.headers, json: isJson ? JSON.parse(text) : undefined };
    },
  };
}
