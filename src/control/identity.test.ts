import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { auditRoutes } from "./audit.ts";
import { identityRoutes } from "./identity.ts";
import { type TestControl, testControl } from "./testing.ts";
import { tokenRoutes } from "./token-routes.ts";

let control: TestControl;
let account: string;
beforeEach(async () => {
  control = await testControl((tokens) => [...identityRoutes, ...tokenRoutes(tokens), ...auditRoutes]);
  account = `/accounts/${control.accountId}`;
});
afterEach(() => control.end());

/** As wrangler's `fetchPagedListResult` decides whether to go on. */
async function listAsWrangler(path: string): Promise<unknown[]> {
  const all: unknown[] = [];
  for (let page = 1; page < 50; page++) {
    const { json } = await control.call("GET", `${path}${path.includes("?") ? "&" : "?"}page=${page}`);
    all.push(...(json.result as unknown[]));
    const info = json.result_info;
    if (!info || info.page * info.per_page >= info.total_count) return all;
  }
  throw new Error("the list did not end");
}

/** As the `cloudflare` SDK does: until a page is empty; the first request has no `page`. */
async function listAsSdk(path: string): Promise<unknown[]> {
  const all: unknown[] = [];
  for (let page = 1; page < 50; page++) {
    const { json } = await control.call("GET", `${path}${page > 1 ? `&page=${page}` : ""}`);
    const rows: unknown[] = json.result;
    if (rows.length === 0) return all;
    all.push(...rows);
  }
  throw new Error("the list did not end");
}

describe("identity", () => {
  it("GET /user", async () => {
    expect((await control.call("GET", "/user", { as: "read" })).json.result).toMatchObject({
      email: "my-read@localhost",
    });
  });

  it("GET /user/tokens/verify", async () => {
    const { json } = await control.call("GET", "/user/tokens/verify", { as: "read" });
    expect(json.result).toMatchObject({ id: expect.stringMatching(/^[0-9a-f]{32}$/), status: "active" });
    expect(json.messages[0]?.message).toBe("This API Token is valid and active");
  });

  it("GET /user/tokens/verify says that a token is bad without the code that sends wrangler here", async () => {
    const headers = { authorization: "Bearer fh_bad" };
    const { status, json } = await control.call("GET", "/user/tokens/verify", { as: "nobody", headers });
    expect([status, json.errors[0]?.code]).toEqual([401, 9109]);
    const missing = await control.call("GET", "/user/tokens/verify", { as: "nobody" });
    expect([missing.status, missing.json.errors[0]?.code]).toEqual([400, 9106]);
  });

  it("GET /accounts and /accounts/:account", async () => {
    expect(await listAsWrangler("/accounts")).toMatchObject([{ id: control.accountId, name: "Test" }]);
    expect(await listAsSdk("/accounts?per_page=1")).toHaveLength(1);
    expect((await control.call("GET", account)).json.result).toMatchObject({ id: control.accountId, name: "Test" });
  });

  it("GET /memberships", async () => {
    expect(await listAsWrangler("/memberships")).toMatchObject([
      { account: { id: control.accountId, name: "Test" }, roles: ["Administrator"] },
    ]);
  });

  it.each(["page=0", "page=x", "per_page=-1", "per_page=1.5", "per_page=1001", "page=9007199254740992"])(
    "refuses the page %s",
    async (query) => {
      const { status, json } = await control.call("GET", `/accounts?${query}`);
      expect([status, json.errors[0]?.code]).toEqual([400, 10026]);
    },
  );

  it("takes empty paging parameters for absent ones", async () => {
    expect((await control.call("GET", "/accounts?page=&per_page=")).json.result_info).toMatchObject({
      page: 1,
      per_page: 20,
    });
  });
});

describe("tokens", () => {
  it("are made, shown once, usable, and revoked", async () => {
    const made = await control.call("POST", `${account}/tokens`, { body: { name: " pipeline ", scope: "edit" } });
    const token = made.json.result as { id: string; value: string };
    expect(token).toMatchObject({ name: "pipeline", scope: "edit", status: "active" });
    expect(token.value).toMatch(/^fh_[0-9A-Za-z]{43}$/);

    const listed = await control.call("GET", `${account}/tokens`);
    expect(listed.json.result).toContainEqual(
      expect.objectContaining({ id: token.id, name: "pipeline", scope: "edit" }),
    );
    expect(JSON.stringify(listed.json)).not.toContain(token.value);
    const rows = await control.platform.db.selectFrom("tokens").selectAll().execute();
    expect(JSON.stringify(rows)).not.toContain(token.value);

    const headers = { authorization: `Bearer ${token.value}` };
    expect((await control.call("GET", "/user", { as: "nobody", headers })).json.result).toMatchObject({
      email: "pipeline@localhost",
    });
    expect((await control.call("DELETE", `${account}/tokens/${token.id}`)).json.result).toEqual({ id: token.id });
    expect((await control.call("GET", "/user", { as: "nobody", headers })).status).toBe(401);
    expect((await control.call("DELETE", `${account}/tokens/${token.id}`)).status).toBe(404);
  });

  it.each(["GET", "POST", "DELETE"])("need the admin scope: %s", async (method) => {
    const path = method === "DELETE" ? `${account}/tokens/x` : `${account}/tokens`;
    const answer = await control.call(method, path, { as: "edit", ...(method === "POST" && { body: {} }) });
    expect([answer.status, answer.json.errors[0]?.code]).toEqual([403, 10000]);
  });

  it.each([
    {},
    { name: "x" },
    { name: "", scope: "read" },
    { name: "x", scope: "root" },
    { name: "x".repeat(121), scope: "read" },
  ])("are not made of %j", async (body) => {
    expect((await control.call("POST", `${account}/tokens`, { body })).status).toBe(400);
  });

  it("are listed in pages", async () => {
    for (let index = 0; index < 7; index++) {
      await control.tokens.create({ accountId: control.accountId, name: `t${index}`, scope: "read" });
    }
    for (const list of [listAsWrangler, listAsSdk]) {
      const all = (await list(`${account}/tokens?per_page=4`)) as { id: string }[];
      expect(new Set(all.map((token) => token.id)).size).toBe(10);
    }
  });
});

describe("audit_logs", () => {
  it("shows who did what, newest first, in pages and between times", async () => {
    for (const name of ["one", "two", "three"]) {
      await control.call("POST", `${account}/tokens`, { body: { name, scope: "read" } });
    }
    const all = (await listAsWrangler(`${account}/audit_logs?per_page=2`)) as Record<string, unknown>[];
    expect(all).toHaveLength(3);
    expect(all[0]).toMatchObject({
      actor: { email: "my-admin@localhost" },
      action: { type: "token.create", result: true },
      resource: { type: "token" },
      metadata: { name: "three", scope: "read" },
      owner: { id: control.accountId },
    });
    expect(await listAsSdk(`${account}/audit_logs?per_page=3`)).toEqual(all);
    expect(await listAsWrangler(`${account}/audit_logs?direction=asc`)).toEqual(all.toReversed());
    expect(await listAsWrangler(`${account}/audit_logs?since=${all[0]?.when}&before=2999-01-01`)).toContainEqual(
      all[0],
    );
    expect(await listAsWrangler(`${account}/audit_logs?since=2999-01-01`)).toEqual([]);
    expect((await control.call("GET", `${account}/audit_logs?since=yesterday`)).status).toBe(400);
    expect((await control.call("GET", `${account}/audit_logs`, { as: "edit" })).status).toBe(403);
  });
});
