import { afterEach, expect, test } from "vitest";
import { type TestPlatform, testPlatform } from "../../store/testing.ts";
import { s3Routes } from "./routes.ts";

let platform: TestPlatform | undefined;
afterEach(() => platform?.end());

const [create] = s3Routes.filter(({ method }) => method === "POST");
if (!create) throw new Error("there is no route that makes a key");

test.each([
  [{ name: "a", permission: "admin-read-write" }, true],
  [{ name: "a", permission: "object-read-only", buckets: ["photos"] }, true],
  [{ name: "a", permission: "object-read-only", buckets: null }, true],
  [{ name: "a", permission: "admin-read-only", buckets: ["photos"] }, false],
  [{ name: "a", permission: "object-read-only", buckets: [] }, false],
  [{ name: "a", permission: "object-read-only", buckets: ["../x"] }, false],
  [{ name: "a", permission: "everything" }, false],
  [{ name: "", permission: "admin-read-only" }, false],
])("%j", (body, good) => {
  expect(create.body?.safeParse(body).success).toBe(good);
});

test("making a key is in the audit trail, without its secret", async () => {
  platform = await testPlatform();
  const { actor, account } = platform;
  const body = { name: "a", permission: "admin-read-only" };
  const request = { platform, actor, accountId: account.id, params: {}, body };
  const { result } = (await create.handle(request as never)) as { result: Record<string, string> };
  expect(result).toMatchObject({ access_key_id: result.id, secret_access_key: expect.stringMatching(/^\w{64}$/) });
  expect(platform.audited).toEqual([{ action: "access-key.create", target: result.id, detail: body }]);
});
