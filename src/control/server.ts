import { once } from "node:events";
import { chmod, mkdir } from "node:fs/promises";
import type { Server } from "node:http";
import { dirname } from "node:path";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { sql } from "kysely";
import { apiUrl } from "../domain/config.ts";
import { removeFile } from "../lib/durable-file.ts";
import { httpLimits } from "../lib/http/limits.ts";
import type { ApiRoute, Platform } from "../store/platform.ts";
import { API_BASE, answerError, answerUnrouted, createApi } from "./api.ts";
import { landingPage } from "./landing.ts";
import type { Tokens } from "./tokens.ts";

/** Longer than the edge keeps an idle connection, so that it is the edge that closes it. */
const KEEP_ALIVE_MS = 75_000;

/** What the edge lets through, and what it adds. */
const MAX_HEAD_BYTES = httpLimits.headBytes + 4096;

export interface ControlParts {
  platform: Platform;
  tokens: Tokens;
  routes: ApiRoute[];
  /** Whether edges route by a snapshot of this process's. */
  isPublished(): boolean;
}

/** Everything that the base domain answers: the API, readiness, the page for people. */
export function createApp(parts: ControlParts): Hono {
  const { platform, tokens, routes } = parts;
  const app = new Hono();

  app.get("/ready", async () => {
    const isReady = parts.isPublished() && (await databaseAnswers(platform));
    return new Response(isReady ? "ready\n" : "not ready\n", { status: isReady ? 200 : 503, headers: plain });
  });
  app.get("/", () => new Response(landingPage(apiUrl(platform.config)), { headers: html }));
  app.route("/", createApi(platform, tokens, routes));

  app.notFound((context) => {
    const { method, path } = context.req;
    if (path === API_BASE || path.startsWith(`${API_BASE}/`)) return answerUnrouted(routes, method, path);
    return new Response("Not found. The API is under /client/v4.\n", { status: 404, headers: plain });
  });
  app.onError((error, context) => answerError(error, context.req.raw));
  return app;
}

/** Serves the app on a unix socket that only this user can open. */
export async function listen(app: Hono, socketPath: string): Promise<Server> {
  const server = createAdaptorServer({
    fetch: app.fetch,
    overrideGlobalObjects: false,
    serverOptions: { maxHeaderSize: MAX_HEAD_BYTES },
  }) as Server;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  await mkdir(dirname(socketPath), { recursive: true, mode: 0o700 });
  // One left by a control process that was killed; the supervisor runs one at a time.
  await removeFile(socketPath);
  server.listen(socketPath);
  await once(server, "listening");
  await chmod(socketPath, 0o600);
  return server;
}

async function databaseAnswers({ db }: Platform): Promise<boolean> {
  try {
    await sql`select 1`.execute(db);
    return true;
  } catch {
    return false;
  }
}

const plain = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" };

const html = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};
