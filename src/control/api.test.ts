import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { ApiError, ApiResult, route } from "../lib/api.ts";
import { ChannelError } from "../lib/channel.ts";
import { errorsLike } from "../lib/testing-console.ts";
import type { ApiRoute, Platform } from "../store/platform.ts";
import { MAX_JSON_BYTES } from "./body.ts";
import { type TestControl, testControl } from "./testing.ts";

const bodySchema = z.object({ name: z.string(), count: z.number().optional() });

const get = (path: string, scope: ApiRoute["scope"], handle: ApiRoute["handle"]) =>
  route<Platform>({ method: "GET", path, scope, summary: "test", handle });

const routes: ApiRoute[] = [
  get("/nothing", "none", () => undefined),
  get("/who", "none", ({ actor }) => actor),
  get("/read", "read", ({ actor }) => actor),
  get("/edit", "edit", () => "edited"),
  get("/admin", "admin", () => "administered"),
  get("/accounts/:account/things/:thing", "read", ({ accountId, params, query }) => ({
    accountId,
    thing: params.thing,
    q: query.get("q"),
  })),
  get("/rich", "none", () => new ApiResult([1], { messages: ["hello"], resultInfo: { cursor: "c" }, status: 201 })),
  get("/raw", "none", () => new Response("bytes", { headers: { "content-type": "application/octet-stream" } })),
  get("/refused", "none", () => {
    throw new ApiError(
      409,
      { code: 10021, message: "first", notes: ["at line 3"] },
      { code: 10022, message: "second" },
    );
  }),
  get("/broken", "none", () => {
    throw new Error("secret detail");
  }),
  get("/restarting", "none", async () => {
    throw new ChannelError("the other process is gone");
  }),
  route<Platform, z.infer<typeof bodySchema>>({
    method: "POST",
    path: "/accounts/:account/things",
    scope: "edit",
    summary: "test",
    body: bodySchema,
    handle: ({ body }) => body,
  }),
  route<Platform>({
    method: "PUT",
    path: "/accounts/:account/things/:thing",
    scope: "edit",
    summary: "test",
    handle: async ({ raw, platform, accountId, actor, params }) => {
      await platform.audit({ accountId, actor, action: "thing.put", target: params.thing ?? "" });
      return (await raw.text()).length;
    },
  }),
  route<Platform>({
    method: "DELETE",
    path: "/accounts/:account/things/:thing",
    scope: "edit",
    summary: "test",
    handle: () => Response.json({}, { status: 409 }),
  }),
];

let control: TestControl;
let account: string;
beforeAll(async () => {
  control = await testControl(() => routes);
  account = `/accounts/${control.accountId}`;
});
afterAll(() => control.end());
afterEach(() => vi.restoreAllMocks());

describe("the envelope", () => {
  it("always has a result, errors and messages", async () => {
    const { status, json, headers } = await control.call("GET", "/nothing");
    expect([status, json]).toEqual([200, { success: true, result: null, errors: [], messages: [] }]);
    expect(headers.get("content-type")).toMatch("application/json");
  });

  it("carries messages, result_info and status", async () => {
    const { status, json } = await control.call("GET", "/rich");
    expect(status).toBe(201);
    expect(json).toEqual({
      success: true,
      result: [1],
      errors: [],
      messages: [{ code: 10000, message: "hello" }],
      result_info: { cursor: "c" },
    });
  });

  it("does not wrap a whole Response", async () => {
    const response = await control.app.request("/client/v4/raw");
    expect(await response.text()).toBe("bytes");
    expect(response.headers.get("content-type")).toBe("application/octet-stream");
  });

  it("keeps the order of errors and gives notes as the chain that wrangler prints", async () => {
    const { status, json } = await control.call("GET", "/refused");
    expect(status).toBe(409);
    expect(json.success).toBe(false);
    expect(json.errors).toEqual([
      { code: 10021, message: "first", error_chain: [{ code: 0, message: "at line 3" }] },
      { code: 10022, message: "second" },
    ]);
  });

  it("tells of an unexpected error only its ray", async () => {
    const logged = errorsLike(/abc-HOME/);
    const { status, json } = await control.call("GET", "/broken?token=x", { headers: { "cf-ray": "abc-HOME" } });
    expect(status).toBe(500);
    expect(json.errors[0]?.code).toBe(10013);
    expect(json.errors[0]?.message).toContain("abc-HOME");
    expect(JSON.stringify(json)).not.toContain("secret detail");
    expect(logged).toEqual([expect.stringMatching(/^ray abc-HOME: GET \/client\/v4\/broken: .*secret detail/)]);
  });

  it("answers 503 while the supervisor is away, so that clients try again", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    expect((await control.call("GET", "/restarting")).status).toBe(503);
  });
});

describe("authorization", () => {
  const cases: [path: string, as: "admin" | "edit" | "read" | "nobody", status: number, code?: number][] = [
    ["/nothing", "nobody", 200],
    ["/read", "nobody", 400, 9106],
    ["/read", "read", 200],
    ["/read", "edit", 200],
    ["/read", "admin", 200],
    ["/edit", "nobody", 400, 9106],
    ["/edit", "read", 403, 10000],
    ["/edit", "edit", 200],
    ["/edit", "admin", 200],
    ["/admin", "read", 403, 10000],
    ["/admin", "edit", 403, 10000],
    ["/admin", "admin", 200],
    [`/accounts/${"b".repeat(32)}/things/x`, "admin", 403, 10000],
    [`/accounts/${"b".repeat(32)}/things/x`, "nobody", 400, 9106],
  ];
  it.each(cases)("%s as %s: %i %s", async (path, as, status, code) => {
    const answer = await control.call("GET", path, { as });
    expect([answer.status, answer.json.errors[0]?.code]).toEqual([status, code]);
  });

  it("says what to do", async () => {
    const small = (await control.call("GET", "/admin", { as: "read" })).json.errors[0]?.message;
    expect(small).toContain('has scope "read"');
    expect(small).toContain("freehold token create --name NAME --scope admin");
    const other = (await control.call("GET", `/accounts/${"b".repeat(32)}/things/x`)).json.errors[0]?.message;
    expect(other).toContain(`CLOUDFLARE_ACCOUNT_ID=${control.accountId}`);
  });

  it.each(["Bearer fh_unknown", "bearer  fh_unknown "])("refuses %j as unknown", async (authorization) => {
    const { status, json } = await control.call("GET", "/read", { as: "nobody", headers: { authorization } });
    expect([status, json.errors[0]?.code]).toEqual([401, 10000]);
  });

  it.each(["", "Basic eDp5", "Bearer", "Bearer  ", "Bearer a b"])(
    "takes %j for no credentials",
    async (authorization) => {
      const { status, json } = await control.call("GET", "/read", { as: "nobody", headers: { authorization } });
      expect([status, json.errors[0]?.code]).toEqual([400, 9106]);
    },
  );

  it("accepts the token as X-Auth-Key", async () => {
    const headers = { "x-auth-key": control.keys.read, "x-auth-email": "someone@example.com" };
    expect((await control.call("GET", "/read", { as: "nobody", headers })).status).toBe(200);
  });

  it("gives handlers the token as an author, and none where no token is needed", async () => {
    const { result } = (await control.call("GET", "/read", { as: "edit" })).json;
    expect(result).toMatchObject({ email: "my-edit@localhost", scope: "edit" });
    expect((await control.call("GET", "/who")).json.result).toEqual({ tokenId: "", email: "", scope: "read" });
  });

  it("ends with revocation at once, for a token that was just used", async () => {
    const { token, text } = await control.tokens.create({ accountId: control.accountId, name: "brief", scope: "read" });
    const headers = { authorization: `Bearer ${text}` };
    expect((await control.call("GET", "/read", { as: "nobody", headers })).status).toBe(200);
    expect(await control.tokens.revoke(control.accountId, token.id)).toBe(true);
    expect((await control.call("GET", "/read", { as: "nobody", headers })).status).toBe(401);
    expect(await control.tokens.revoke(control.accountId, token.id)).toBe(false);
  });

  it("does not keep a token that is revoked while it is looked up", async () => {
    const { token, text } = await control.tokens.create({ accountId: control.accountId, name: "race", scope: "read" });
    const lookups = Promise.all([control.tokens.find(text), control.tokens.revoke(control.accountId, token.id)]);
    await lookups;
    expect(await control.tokens.find(text)).toBeUndefined();
  });
});

describe("routing", () => {
  it("decodes parameters and takes an empty query", async () => {
    const { result } = (await control.call("GET", `${account}/things/a%2Fb%20c%25?`)).json;
    expect(result).toEqual({ accountId: control.accountId, thing: "a/b c%", q: null });
    expect((await control.call("GET", `${account}/things/x?q=1%202`)).json.result).toMatchObject({ q: "1 2" });
  });

  it.each(["/none", "", "/", `/accounts/${"a".repeat(32)}/things/x/y`, "/READ"])("has no route to %j", async (path) => {
    const { status, json } = await control.call("GET", path);
    expect([status, json.errors[0]?.code]).toEqual([404, 7003]);
    expect(json.errors[0]?.message).toContain(`Could not route to /client/v4${path}`);
  });

  it("names the methods that a path has", async () => {
    const { status, json, headers } = await control.call("POST", `${account}/things/x`);
    expect([status, json.errors[0]?.code]).toEqual([405, 7001]);
    expect(headers.get("allow")).toBe("GET, PUT, DELETE, HEAD, OPTIONS");
    const options = await control.call("OPTIONS", `${account}/things`, { as: "nobody" });
    expect([options.status, options.headers.get("allow")]).toEqual([204, "POST, OPTIONS"]);
  });

  it("answers HEAD as GET without a body", async () => {
    const response = await control.app.request("/client/v4/nothing", { method: "HEAD" });
    expect([response.status, await response.text()]).toEqual([200, ""]);
  });
});

describe("bodies", () => {
  it.each(["text/plain;charset=UTF-8", "application/json", "application/merge-patch+json", "image/png"])(
    "are JSON whatever the content type: %s",
    async (type) => {
      const body = { name: "ü" };
      const answer = await control.call("POST", `${account}/things`, { headers: { "content-type": type }, body });
      expect([answer.status, answer.json.result]).toEqual([200, body]);
    },
  );

  it.each([
    ["{", "Could not parse"],
    ["", "expected object"],
    ["[]", "expected object"],
    ["{}", '"name"'],
    ['{"name":1}', '"name"'],
    ['{"name":"x","count":"y"}', '"count"'],
  ])("that are wrong are refused with the field: %j", async (body, message) => {
    const { status, json } = await control.call("POST", `${account}/things`, { body });
    expect([status, json.errors[0]?.code]).toEqual([400, 10026]);
    expect(json.errors[0]?.message).toContain(message);
  });

  it("report every field that is wrong", async () => {
    const { json } = await control.call("POST", `${account}/things`, { body: { count: "x" } });
    expect(json.errors).toHaveLength(2);
  });

  it("may be nested so deep, and no deeper", async () => {
    const lists = `${"[".repeat(5000)}${"]".repeat(5000)}`;
    const refused = await control.call("POST", `${account}/things`, { body: `{"name":"x","more":${lists}}` });
    expect([refused.status, refused.json.errors[0]?.message]).toEqual([400, expect.stringContaining("levels deep")]);
  });

  it("are bounded, with and without a length", async () => {
    const large = `"${"x".repeat(MAX_JSON_BYTES)}"`;
    expect((await control.call("POST", `${account}/things`, { body: large })).status).toBe(413);
    const stream = new ReadableStream({
      pull(controller) {
        controller.enqueue(new Uint8Array(1_000_000).fill(32));
      },
    });
    const request = new Request(`http://localhost/client/v4${account}/things`, {
      ...{ method: "POST", body: stream, duplex: "half" },
      headers: { authorization: `Bearer ${control.keys.edit}` },
    });
    const response = await control.app.request(request);
    expect([response.status, ((await response.json()) as { errors: { code: number }[] }).errors[0]?.code]).toEqual([
      413, 10027,
    ]);
  });

  it("that a handler reads itself reach it untouched", async () => {
    const answer = await control.call("PUT", `${account}/things/x`, { body: "{not json" });
    expect(answer.json.result).toBe(9);
  });

  it("are not read before the caller is known", async () => {
    const { status } = await control.call("POST", `${account}/things`, { as: "nobody", body: "{" });
    expect(status).toBe(400);
    expect((await control.call("POST", `${account}/things`, { as: "read", body: "{" })).status).toBe(403);
  });
});

describe("the audit trail", () => {
  const trail = async () =>
    (
      await control.platform.db.selectFrom("audit_events").select(["action", "target", "actor"]).orderBy("id").execute()
    ).map((row) => ({ ...row }));

  it("has one event for each change, the handler's own or a general one, and none for what failed", async () => {
    await control.platform.db.deleteFrom("audit_events").execute();
    await control.call("GET", "/read");
    await control.call("POST", `${account}/things`, { body: { name: "x" }, as: "edit" });
    await control.call("POST", `${account}/things`, { body: {} });
    await control.call("PUT", `${account}/things/y`);
    await control.call("DELETE", `${account}/things/y`);
    expect(await trail()).toEqual([
      { action: "POST /accounts/:account/things", target: `${account}/things`, actor: "my-edit@localhost" },
      { action: "thing.put", target: "y", actor: "my-admin@localhost" },
    ]);
  });
});

describe("openapi.json", () => {
  it("is made once, since everybody may ask for it", async () => {
    const [first] = routes;
    let reads = 0;
    Object.defineProperty(first, "summary", { get: () => `read ${++reads} times`, enumerable: true });
    for (let n = 0; n < 3; n++) expect((await control.app.request("/client/v4/openapi.json")).status).toBe(200);
    expect(reads).toBeLessThanOrEqual(1);
  });

  it("describes every route and body", async () => {
    const response = await control.app.request("/client/v4/openapi.json");
    const document = (await response.json()) as { openapi: string; paths: Record<string, Record<string, unknown>> };
    expect(document.openapi).toBe("3.1.0");
    expect(Object.keys(document.paths)).toHaveLength(new Set(routes.map((row) => row.path)).size);
    expect(document.paths["/accounts/{account}/things"]?.post).toMatchObject({
      "x-scope": "edit",
      parameters: [{ name: "account", in: "path", required: true }],
      requestBody: {
        content: {
          "application/json": {
            schema: { type: "object", required: ["name"], properties: { name: { type: "string" } } },
          },
        },
      },
    });
    expect(document.paths["/nothing"]?.get).toMatchObject({ security: [] });
  });
});

describe("outside the API", () => {
  it("/ is a page without secrets", async () => {
    const response = await control.app.request("/");
    const page = await response.text();
    expect(response.headers.get("content-type")).toMatch("text/html");
    expect(page).toContain("http://localhost:8787/client/v4");
    for (const secret of [...Object.values(control.keys), control.accountId]) expect(page).not.toContain(secret);
  });

  it("/ready says whether requests are accepted", async () => {
    const response = await control.app.request("/ready");
    expect([response.status, await response.text()]).toEqual([200, "ready\n"]);
  });

  it("anything else is a plain 404", async () => {
    const response = await control.app.request("/client/v5");
    expect([response.status, response.headers.get("content-type")]).toEqual([404, "text/plain; charset=utf-8"]);
  });
});
