import { Readable } from "node:stream";
import { expect, test } from "vitest";
import type { ApiRequest } from "../../lib/api.ts";
import type { Platform } from "../../store/platform.ts";
import { objectRoutes } from "./object-routes.ts";

test.each([
  ["things/objects/a/b.txt", "a/b.txt"],
  ["things/objects/objects/k", "objects/k"],
  ["objects/objects/k", "k"],
  ["things/objects/100%", "100%"],
  ["things/objects/a%2Fb%20c", "a/b c"],
])("the key of %s is %s", async (path, key) => {
  const asked: string[] = [];
  const services = async (target: string) => {
    asked.push(target);
    return { status: 200, reason: "OK", header: () => undefined, body: Readable.from([]) };
  };
  const row = objectRoutes("/accounts/:account/r2/buckets/:bucket").find(({ method }) => method === "DELETE");
  const bucket = path.slice(0, path.indexOf("/"));
  const raw = new Request(`http://api/client/v4/accounts/acc/r2/buckets/${path}`, { method: "DELETE" });
  const request = { platform: { services }, accountId: "acc", params: { bucket }, raw };
  expect(await row?.handle(request as unknown as ApiRequest<Platform, never>)).toEqual({ key });
  expect(asked).toEqual([`/r2/acc/buckets/${bucket}/objects/${encodeURIComponent(key)}`]);
});
