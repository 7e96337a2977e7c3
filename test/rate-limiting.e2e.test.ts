/** Rate limiting bindings by the real client on the whole platform. */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { withinMinute } from "./harness/minute.ts";
import { urlPrintedBy } from "./harness/platform.ts";
import { Project } from "./harness/project.ts";
import { usePlatform } from "./harness/suite.ts";

const platform = usePlatform();
let project: Project;
let address: string;

const limiter = (limit: number) => ({
  ratelimits: [{ name: "LIMITER", namespace_id: "1001", simple: { limit, period: 60 } }],
});

beforeAll(() => {
  project = new Project("hello-ts");
  project.write(
    "src/index.ts",
    `export default {
      async fetch(request: Request, env: { LIMITER: { limit(options: { key: string }): Promise<{ success: boolean }> } }) {
        const { success } = await env.LIMITER.limit({ key: new URL(request.url).pathname });
        return new Response(success ? "in" : "out", { status: success ? 200 : 429 });
      },
    };`,
  );
});
afterAll(() => project[Symbol.dispose]());

const statuses = async (path: string, calls: number) => {
  const all: number[] = [];
  for (let call = 0; call < calls; call++) {
    all.push((await platform().fetch(new URL(path, address).href)).status);
  }
  return all;
};

const within = (run: (path: string) => Promise<void>) => withinMinute((key) => run(`/${key}`));

test("a deploy brings the limit, and another deploy changes it and keeps the counters", async () => {
  project.configure(limiter(2));
  const output = await platform().wranglerOk(project.directory, ["deploy"]);
  expect(output).toContain("env.LIMITER (2 requests/60s)");
  address = urlPrintedBy(output);
  await within(async (path) => expect(await statuses(path, 3)).toEqual([200, 200, 429]));
  const { bindings } = (await platform().api.get("/workers/scripts/hello/settings")) as { bindings: unknown[] };
  expect(bindings).toContainEqual({
    type: "ratelimit",
    name: "LIMITER",
    namespace_id: "1001",
    simple: { limit: 2, period: 60 },
  });
});

test("the limit survives an upload without code", async () => {
  await platform().wranglerOk(project.directory, ["secret", "put", "TOKEN"], { input: "x" });
  await within(async (path) => expect(await statuses(path, 3)).toEqual([200, 200, 429]));
});

test.each([
  [{ limit: 2, period: 11 }, /period/],
  [{ limit: 2.5, period: 10 }, /limit/],
])("the API refuses %j", async (simple, message) => {
  await expect(
    platform().api.deploy("bad", "export default { fetch() {} }", {
      bindings: [{ type: "ratelimit", name: "L", namespace_id: "1", simple }],
    }),
  ).rejects.toThrow(message);
});

test("a script in the old format has it as a global", async () => {
  const form = new FormData();
  const metadata = {
    body_part: "script",
    compatibility_date: "2026-06-01",
    bindings: [{ type: "ratelimit", name: "L", namespace_id: "7", simple: { limit: 0, period: 10 } }],
  };
  form.set("metadata", JSON.stringify(metadata));
  const code = `addEventListener("fetch", (event) => event.respondWith(L.limit({ key: "a" }).then((r) => Response.json(r))))`;
  form.set("script", new Blob([code], { type: "application/javascript" }), "script");
  const { envelope } = await platform().api.call("PUT", "/workers/scripts/old", { form });
  expect(envelope).toMatchObject({ success: true });
  await platform().api.send("POST", "/workers/scripts/old/subdomain", { enabled: true });
  const reply = await platform().fetch(await platform().url("old"));
  expect(reply.json()).toEqual({ success: false });
});

test("while the services role is away nothing is limited, and afterwards everything is again", async () => {
  project.configure(limiter(1));
  await platform().wranglerOk(project.directory, ["deploy"]);
  const [services] = platform().role("services");
  if (!services) throw new Error("there is no services process");
  await within(async (path) => expect(await statuses(path, 2)).toEqual([200, 429]));
  process.kill(services.pid, "SIGKILL");
  // Never anything else than a decision.
  const others: number[] = [];
  await vi.waitFor(async () => {
    await within(async (path) => {
      const all = await statuses(path, 3);
      others.push(...all.filter((status) => status !== 200 && status !== 429));
      expect(all).toEqual([200, 429, 429]);
    });
  }, 30_000);
  expect(others).toEqual([]);
});
