import type { LocalClient, Reply } from "./http.ts";

export interface Envelope {
  success: boolean;
  result: unknown;
  errors: { code: number; message: string }[];
  messages: unknown[];
  result_info?: Record<string, unknown>;
}

export interface UploadPart {
  name: string;
  type: string;
  content: string | Uint8Array;
}

/** Calls the API as any HTTP client does, without wrangler. */
export class ApiClient {
  #client: LocalClient;
  readonly base: string;
  readonly token: string;
  readonly account: string;

  constructor(client: LocalClient, env: Record<string, string>) {
    this.#client = client;
    this.base = required(env, "CLOUDFLARE_API_BASE_URL");
    this.token = required(env, "CLOUDFLARE_API_TOKEN");
    this.account = required(env, "CLOUDFLARE_ACCOUNT_ID");
  }

  /** Any call. Paths that do not start with `//` are below the account; `//user` is `/user`. */
  async call(
    method: string,
    path: string,
    options: { body?: unknown; form?: FormData; headers?: Record<string, string>; token?: string } = {},
  ): Promise<Reply & { envelope: Envelope }> {
    const address =
      this.base.replace("//127.0.0.1", "//localhost") +
      (path.startsWith("//") ? path.slice(1) : `/accounts/${this.account}${path}`);
    const headers: Record<string, string> = {
      authorization: `Bearer ${options.token ?? this.token}`,
      ...options.headers,
    };
    let body: string | Uint8Array | undefined;
    if (options.form) {
      const encoded = new Response(options.form);
      headers["content-type"] = encoded.headers.get("content-type") ?? "";
      body = new Uint8Array(await encoded.arrayBuffer());
    } else if (options.body !== undefined) {
      body = JSON.stringify(options.body);
      headers["content-type"] ??= "application/json";
    }
    if (body) headers["content-length"] = String(Buffer.byteLength(body));
    const reply = await this.#client.fetch(address, { method, headers, ...(body === undefined ? {} : { body }) });
    let envelope: Envelope = { success: false, result: undefined, errors: [], messages: [] };
    if (reply.headers["content-type"]?.includes("json")) envelope = reply.json() as Envelope;
    return { ...reply, envelope };
  }

  /** The `result` of a GET that must succeed. */
  async get(path: string): Promise<unknown> {
    return this.#successful("GET", path);
  }

  async send(method: string, path: string, body?: unknown): Promise<unknown> {
    return this.#successful(method, path, body === undefined ? {} : { body });
  }

  /** Uploads a Worker of one ES module and serves it on its workers.dev host. */
  async deploy(script: string, source: string, metadata: Record<string, unknown> = {}): Promise<{ versionId: string }> {
    const form = uploadForm(metadata, [{ name: "index.js", type: "application/javascript+module", content: source }]);
    const result = (await this.#successful("PUT", `/workers/scripts/${script}?excludeScript=true`, { form })) as {
      deployment_id: string;
    };
    await this.send("POST", `/workers/scripts/${script}/subdomain`, { enabled: true, previews_enabled: true });
    return { versionId: result.deployment_id };
  }

  /** Uploads a new version of an existing Worker; does not deploy it. */
  async upload(script: string, source: string, metadata: Record<string, unknown> = {}): Promise<{ id: string }> {
    const form = uploadForm(metadata, [{ name: "index.js", type: "application/javascript+module", content: source }]);
    return (await this.#successful("POST", `/workers/scripts/${script}/versions`, { form })) as { id: string };
  }

  async #successful(method: string, path: string, options: { body?: unknown; form?: FormData } = {}): Promise<unknown> {
    const { envelope, status, body } = await this.call(method, path, options);
    if (!envelope.success) throw new Error(`${method} ${path} answered ${status}: ${body.slice(0, 2000)}`);
    return envelope.result;
  }
}

/** The multipart form of an upload (`metadata` and one part a module). */
export function uploadForm(metadata: Record<string, unknown>, parts: UploadPart[]): FormData {
  const form = new FormData();
  const entry = parts[0]?.name ?? "";
  const defaults = "body_part" in metadata ? {} : { main_module: entry };
  form.set(
    "metadata",
    JSON.stringify({
      ...defaults,
      bindings: [],
      compatibility_date: "2026-06-01",
      compatibility_flags: [],
      ...metadata,
    }),
  );
  for (const part of parts) form.set(part.name, new Blob([part.content as string], { type: part.type }), part.name);
  return form;
}

function required(env: Record<string, string>, name: string): string {
  const value = env[name];
  if (!value) throw new Error(`wrangler.env has no ${name}`);
  return value;
}
