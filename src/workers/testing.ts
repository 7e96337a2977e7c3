import { Hono } from "hono";
import { ApiError, type ApiFailure, ApiResult } from "../lib/api.ts";
import { assetRoutes } from "../products/assets/routes.ts";
import { durableObjectRoutes } from "../products/durable-objects/routes.ts";
import type { ApiRoute } from "../store/platform.ts";
import { type TestPlatform, testPlatform } from "../store/testing.ts";
import { workersRoutes } from "./routes.ts";

/** What a call came to, without the envelope around it. */
export interface Answer {
  status: number;
  // Tests look into results by the fields that clients read.
  // biome-ignore lint/suspicious/noExplicitAny: a test of a wrong shape fails where it looks.
  result: any;
  errors: ApiFailure[];
  /** Code of the first error. */
  code: number | undefined;
  resultInfo: Record<string, unknown> | undefined;
  messages: string[];
  /** The whole response, for handlers that answer without an envelope. */
  response: Response | undefined;
}

/** The route table over a test platform, called as the control role calls it. */
export interface TestApi {
  platform: TestPlatform;
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Deploys a script with `PUT`; answers the version's id. Throws when it is refused. */
  deploy(script: string, metadata?: Record<string, unknown>, modules?: Modules): Promise<string>;
  /** Uploads a version without deploying it; answers its id. Throws when it is refused. */
  upload(script: string, metadata?: Record<string, unknown>, modules?: Modules): Promise<string>;
  end(): Promise<void>;
}

/** Name of a part to its content and content type. */
export type Modules = Record<string, [content: string | Uint8Array<ArrayBuffer>, type: string]>;

const helloWorld: Modules = {
  "index.js": ["export default { fetch() { return new Response('hello') } }", "application/javascript+module"],
};

/** A multipart form as the client builds it; `metadata` without a file name, every module with one. */
export function uploadForm(metadata: Record<string, unknown> = {}, modules: Modules = helloWorld): FormData {
  const form = new FormData();
  const entry = { main_module: "index.js", compatibility_date: "2026-01-01", bindings: [] };
  form.set("metadata", JSON.stringify({ ...entry, ...metadata }));
  for (const [name, [content, type]] of Object.entries(modules)) {
    form.append(name, new File([content], name, { type }));
  }
  return form;
}

/** Paths are relative to `/accounts/<account>/workers`, unless they start with `//`. `more`: tables of rooms above this one. */
export async function testApi(env: Record<string, string> = {}, more: ApiRoute[] = []): Promise<TestApi> {
  const platform = await testPlatform(env);
  const app = new Hono();
  for (const row of [...assetRoutes, ...durableObjectRoutes, ...workersRoutes, ...more]) {
    app.on(row.method, row.path, async (context) => {
      const raw = context.req.raw;
      const params: Record<string, string> = context.req.param();
      const body = row.body ? row.body.parse(JSON.parse(await raw.text())) : undefined;
      const query = new URL(raw.url).searchParams;
      const accountId = params.account ?? platform.account.id;
      const request = { platform, actor: platform.actor, accountId, params, query, body, raw };
      const result = await row.handle(request as never);
      if (result instanceof Response) return result;
      const full = result instanceof ApiResult ? result : new ApiResult(result);
      const { status, messages } = full;
      return Response.json(
        { enveloped: true, result: full.result ?? null, info: full.resultInfo, messages },
        { status },
      );
    });
  }
  app.onError((error) => {
    if (!(error instanceof ApiError)) throw error;
    return Response.json({ enveloped: true, errors: error.failures }, { status: error.status });
  });

  async function call(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const full = path.startsWith("//") ? path.slice(1) : `/accounts/${platform.account.id}/workers${path}`;
    const isRaw = body === undefined || body instanceof FormData || body instanceof ReadableStream;
    const response = await app.request(full, {
      method,
      headers: { "user-agent": "wrangler/4.0.0", ...headers },
      ...(body !== undefined && {
        body: isRaw ? (body as FormData | ReadableStream) : JSON.stringify(body),
        duplex: "half" as const,
      }),
    });
    const text = await response.clone().text();
    const json = text.startsWith('{"enveloped":true') ? JSON.parse(text) : undefined;
    return {
      status: response.status,
      result: json?.result,
      errors: json?.errors ?? [],
      code: json?.errors?.[0]?.code,
      resultInfo: json?.info,
      messages: json?.messages ?? [],
      response: json ? undefined : response,
    };
  }

  async function sent(method: string, path: string, form: FormData): Promise<Answer> {
    const answer = await call(method, path, form);
    if (answer.status !== 200) throw new Error(`${method} ${path}: ${JSON.stringify(answer.errors)}`);
    return answer;
  }

  return {
    platform,
    call,
    deploy: async (script, metadata, modules) =>
      (await sent("PUT", `/scripts/${script}?excludeScript=true`, uploadForm(metadata, modules))).result.deployment_id,
    upload: async (script, metadata, modules) =>
      (await sent("POST", `/scripts/${script}/versions`, uploadForm(metadata, modules))).result.id,
    end: () => platform.end(),
  };
}
