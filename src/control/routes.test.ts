import { afterAll, beforeAll, expect, it } from "vitest";
import { openApiDocument } from "./openapi.ts";
import { allRoutes } from "./routes.ts";
import { type TestControl, testControl } from "./testing.ts";

let control: TestControl;
beforeAll(async () => {
  control = await testControl(allRoutes);
});
afterAll(() => control.end());

it("has each method and path once", () => {
  const seen = allRoutes(control.tokens).map((row) => `${row.method} ${row.path.replace(/:\w+/g, ":")}`);
  expect(seen.filter((row, index) => seen.indexOf(row) !== index)).toEqual([]);
});

it("can be described whole", () => {
  const routes = allRoutes(control.tokens);
  const { paths } = openApiDocument(routes, "/client/v4") as {
    paths: Record<string, Record<string, { summary: string }>>;
  };
  const operations = Object.values(paths).flatMap((path) => Object.values(path));
  expect(operations).toHaveLength(routes.length);
  for (const operation of operations) expect(operation.summary).not.toBe("");
});

/** Routes that check a token or a signature of their own refuse with these codes. */
const ownRefusals: (number | undefined)[] = [10305, 7403, 8000013, 8000113];

it("lets nobody in without a token, whatever the route", async () => {
  const open: string[] = [];
  for (const row of allRoutes(control.tokens)) {
    const path = row.path.replace(":account", control.accountId).replace(/:\w+/g, "x");
    const { json } = await control.call(row.method, path, { as: "nobody", ...(row.body && { body: {} }) });
    const code = json?.errors[0]?.code;
    if (code !== 9106 && !(row.scope === "none" && ownRefusals.includes(code))) open.push(`${row.method} ${row.path}`);
  }
  expect(open).toEqual([]);
});

it("lets a read token change nothing", async () => {
  const open: string[] = [];
  for (const row of allRoutes(control.tokens).filter((one) => one.method !== "GET")) {
    const path = row.path.replace(":account", control.accountId).replace(/:\w+/g, "x");
    // Some rows only refuse, in words of their own, and need no more than a token.
    const { status } = await control.call(row.method, path, { as: "read", ...(row.body && { body: {} }) });
    if (status < 400) open.push(`${row.method} ${row.path}`);
  }
  expect(open).toEqual([]);
});

it("keeps each account's routes from tokens of others", async () => {
  const open: string[] = [];
  for (const row of allRoutes(control.tokens).filter((one) => one.path.includes(":account"))) {
    const path = row.path.replace(":account", "b".repeat(32)).replace(/:\w+/g, "x");
    const { status, json } = await control.call(row.method, path, { ...(row.body && { body: {} }) });
    const refused = row.scope === "none" ? ownRefusals.includes(json.errors[0]?.code) : status === 403;
    if (!refused) open.push(`${row.method} ${row.path}`);
  }
  expect(open).toEqual([]);
});
