import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { routedNames } from "../workers/routed-names.ts";
import { type PagesApi, pagesApi } from "./testing.ts";

let pages: PagesApi;
let dev: string;

beforeAll(async () => {
  pages = await pagesApi();
  await pages.create("shop");
  await pages.deploy("shop");
  dev = (await pages.deploy("shop", { branch: "dev" })).result.id;
});
afterAll(() => pages.api.end());

const shown = async (alias: string) => {
  const { db } = pages.api.platform;
  return (await db.selectFrom("aliases").select("version_id").where("alias", "=", alias).executeTakeFirst())
    ?.version_id;
};

describe("an alias that a person gives", () => {
  test("shows the branch, now and with its next deployments", async () => {
    const { result } = await pages.call("PUT", "/shop/aliases/staging", { branch: "dev" });
    expect(result).toContainEqual(
      expect.objectContaining({
        alias: "staging",
        branch: "dev",
        custom: true,
        url: "https://staging.shop.pages.localhost:8787",
      }),
    );
    expect(await shown("staging")).toBe(dev);
    dev = (await pages.deploy("shop", { branch: "dev" })).result.id;
    expect(await shown("staging")).toBe(dev);
    expect((await pages.call("GET", `/shop/deployments/${dev}`)).result.aliases).toHaveLength(2);
  });

  test("may come before the branch does", async () => {
    await pages.call("PUT", "/shop/aliases/next", { branch: "later" });
    const { result } = await pages.deploy("shop", { branch: "later" });
    expect(await shown("next")).toBe(result.id);
  });

  test.each([
    ["staging", "main", 8000108],
    ["dev", "main", 8000108],
    ["No", "dev", 8000103],
    ["x", "", 8000103],
  ])("is refused when it cannot be: %s for %j", async (alias, branch, code) => {
    expect((await pages.call("PUT", `/shop/aliases/${alias}`, { branch })).code).toBe(code);
  });

  test("is never a deployment's short id", async () => {
    expect((await pages.call("PUT", `/shop/aliases/${dev.slice(0, 8)}`, { branch: "dev" })).code).toBe(8000103);
  });

  test("goes; the branch's own stays", async () => {
    expect((await pages.call("DELETE", "/shop/aliases/staging")).status).toBe(200);
    expect(await shown("staging")).toBeUndefined();
    expect((await pages.call("DELETE", "/shop/aliases/staging")).code).toBe(8000109);
    expect((await pages.call("DELETE", "/shop/aliases/dev")).code).toBe(8000109);
  });
});

describe("a custom domain", () => {
  const routed = async () =>
    (await routedNames(pages.api.platform.db)).domains.map(({ hostname, alias }) => [hostname, alias]);

  test("is production's, or a branch's", async () => {
    const { result } = await pages.call("POST", "/shop/domains", { name: "www.example.com" });
    expect(result).toMatchObject({ name: "www.example.com", status: "active", branch: "main" });
    await pages.call("POST", "/shop/domains", { name: "dev.example.com", branch: "dev" });
    expect(await routed()).toEqual([
      ["dev.example.com", "dev"],
      ["www.example.com", undefined],
    ]);
    expect((await pages.call("GET", "/shop/domains")).result).toHaveLength(2);
    expect((await pages.call("GET", "/shop")).result.domains).toEqual([
      "shop.pages.localhost:8787",
      "dev.example.com",
      "www.example.com",
    ]);
  });

  test("moves between them", async () => {
    const { result } = await pages.call("PATCH", "/shop/domains/www.example.com", { branch: "dev" });
    expect(result.branch).toBe("dev");
    expect((await pages.call("PATCH", "/shop/domains/www.example.com", { branch: null })).result.branch).toBe("main");
    await pages.call("PATCH", "/shop/domains/www.example.com", { branch: "dev" });
    // What production serves, which need not be its branch's newest deployment.
    expect((await pages.call("PATCH", "/shop/domains/www.example.com", { branch: "main" })).result.branch).toBe("main");
    expect((await pages.call("PATCH", "/shop/domains/www.example.com", {})).result.branch).toBe("main");
    expect(await routed()).toContainEqual(["www.example.com", undefined]);
  });

  test("is refused for a branch that is not there, and for what is the platform's or another's", async () => {
    expect((await pages.call("POST", "/shop/domains", { name: "x.example.com", branch: "none" })).code).toBe(8000103);
    expect((await pages.call("POST", "/shop/domains", { name: "a.dev.localhost" })).code).toBe(10084);
    for (const name of ["login.localhost", "a.login.localhost"])
      expect((await pages.call("POST", "/shop/domains", { name })).code).toBe(10082);
    await pages.create("other");
    expect((await pages.call("POST", "/other/domains", { name: "www.example.com" })).code).toBe(100116);
    expect((await pages.call("GET", "/other/domains/www.example.com")).code).toBe(8000111);
  });

  test("keeps its project from being deleted", async () => {
    expect((await pages.call("DELETE", "/shop")).code).toBe(8000028);
    for (const name of ["www.example.com", "dev.example.com"]) await pages.call("DELETE", `/shop/domains/${name}`);
    expect(await routed()).toEqual([]);
    expect((await pages.call("DELETE", "/shop")).status).toBe(200);
  });
});
