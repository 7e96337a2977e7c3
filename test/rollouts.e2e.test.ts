import { beforeAll, expect, test } from "vitest";
import { Load } from "./harness/load.ts";
import { urlsPrintedBy } from "./harness/platform.ts";
import { Project } from "./harness/project.ts";
import { usePlatform } from "./harness/suite.ts";

const platform = usePlatform({ FREEHOLD_ROLLOUT_CHECK_SECONDS: "1" });
const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/;

/** A Worker that says which release it is of; of every fifth request, when it is broken, it makes an exception. */
function source(release: string, broken = false): string {
  const fault = broken ? "if (count++ % 5 === 0) throw new Error('broken');" : "";
  return `let count = 0; export default { fetch(request) { ${fault} return new Response("${release}"); } }`;
}

const deployments = "/workers/scripts/app/deployments";
const release = (name: string) => {
  const project = new Project("hello-ts");
  project.configure({ name: "app" });
  project.replace("src/index.ts", '"v1"', `"${name}"`);
  return project;
};

const ids = { stable: "", next: "" };
let alias = "";

const get = async (headers: Record<string, string> = {}, script = "app") =>
  platform().fetch(await platform().url(script), { headers });
const planOf = async (deployment: string) =>
  (await platform().api.get(`${deployments}/${deployment}/plan`)) as Record<string, unknown>;
const split = (stable: number, next: number, more: object = {}) =>
  platform().api.send("POST", deployments, {
    versions: [
      { version_id: ids.stable, percentage: stable },
      { version_id: ids.next, percentage: next },
    ],
    ...more,
  }) as Promise<{ id: string }>;

beforeAll(async () => {
  using stable = release("stable");
  ids.stable = (await platform().wranglerOk(stable.directory, ["deploy"])).match(uuid)?.[0] ?? "";
  using next = release("next");
  // As on a build machine: the client makes the branch's name fit for a host name.
  const env = { WRANGLER_CI_GENERATE_PREVIEW_ALIAS: "true", WORKERS_CI_BRANCH: "Feature/New_Ünits!" };
  const output = await platform().wranglerOk(next.directory, ["versions", "upload"], { env });
  ids.next = output.match(uuid)?.[0] ?? "";
  alias = urlsPrintedBy(output).find((address) => new URL(address).hostname.startsWith("feature-")) ?? output;
});

test("a branch's preview answers under a name made of the branch, and no search engine lists it", async () => {
  const reply = await platform().fetch(alias);
  expect([reply.status, reply.body, reply.headers["x-robots-tag"]]).toEqual([200, "Hello from next", "noindex"]);
  expect((await get()).headers["x-robots-tag"]).toBeUndefined();
});

test("keys and overrides choose the version, from outside", async () => {
  await split(50, 50);
  const key = { "cloudflare-workers-version-key": "alice" };
  const first = (await get(key)).body;
  for (let index = 0; index < 10; index++) expect((await get(key)).body).toBe(first);
  const override = (id: string) => ({ "cloudflare-workers-version-overrides": `app="${id}"` });
  for (const [id, body] of [
    [ids.stable, "Hello from stable"],
    [ids.next, "Hello from next"],
  ])
    expect((await get({ ...key, ...override(id ?? "") })).body).toBe(body);
});

test("with an affinity rule, a visitor's cookie keeps the version, and more of a version never takes it away", async () => {
  await platform().api.send("PATCH", "/workers/scripts/app/script-settings", { version_affinity: "cookie" });
  await split(80, 20);
  const visitors: { cookie: string; body: string }[] = [];
  for (let index = 0; index < 30; index++) {
    const reply = await get();
    visitors.push({ cookie: String(reply.headers["set-cookie"]).split(";")[0] ?? "", body: reply.body });
  }
  for (const { cookie, body } of visitors) expect((await get({ cookie })).body).toBe(body);
  await split(40, 60);
  const early = visitors.filter(({ body }) => body === "Hello from next");
  for (const { cookie, body } of early) expect((await get({ cookie })).body).toBe(body);
  await platform().api.send("PATCH", "/workers/scripts/app/script-settings", { version_affinity: null });
});

test("a version that breaks 20 % of its requests is rolled back, and the client shows why", async () => {
  const bad = await platform().api.upload("app", source("bad", true));
  const versions = [
    { version_id: ids.stable, percentage: 50 },
    { version_id: bad.id, percentage: 50 },
  ];
  const plan = {
    steps: [{ percentage: 50, minutes: 60 }],
    guard: { minimum_requests: 50, error_rate: { factor: 2, above: 0.01 }, p99: {} },
  };
  const started = (await platform().api.send("POST", deployments, { versions, plan })) as { id: string };
  const load = new Load(await platform().url("app"), { connections: 2, pauseMs: 2 });
  try {
    await expect
      .poll(async () => (await planOf(started.id)).status, { timeout: 60_000, interval: 200 })
      .toBe("rolled_back");
  } finally {
    await load.stop();
  }
  const { reason, measurements } = (await planOf(started.id)) as { reason: string; measurements: never };
  expect(reason).toMatch(/^\d+(\.\d+)? % of \d+ requests failed/);
  expect(measurements).toMatchObject({ stable_version: { errors: 0 } });
  for (let index = 0; index < 10; index++) expect((await get()).body).toBe("Hello from stable");
  using project = release("stable");
  const status = await platform().wranglerOk(project.directory, ["deployments", "status"]);
  expect(status).toContain(ids.stable);
  expect(status).toContain("Rolled back");
  expect(status).toContain("requests failed");
});

test("a good version goes through its steps by itself, also past a control process that dies", async () => {
  const plan = {
    steps: [
      { percentage: 50, minutes: 0.01 },
      { percentage: 90, minutes: 0.05 },
    ],
    guard: { minimum_requests: 10, error_rate: {} },
  };
  const { id } = await split(50, 50, { plan });
  const load = new Load(await platform().url("app"), { connections: 2, pauseMs: 5 });
  try {
    await expect.poll(async () => (await planOf(id)).step, { timeout: 60_000, interval: 200 }).toBe(2);
    const [control] = platform().role("control");
    process.kill(control?.pid ?? 0, "SIGKILL");
    const status = async () => (await planOf(id).catch(() => ({ status: "unknown" }))).status;
    await expect.poll(status, { timeout: 60_000, interval: 200 }).toBe("completed");
    const { failures } = await load.stop();
    expect(failures).toEqual([]);
  } finally {
    await load.stop();
  }
  expect((await get()).body).toBe("Hello from next");
});

test("a protected preview opens by a link alone, also while control is down", async () => {
  await platform().api.send("PATCH", "/workers/scripts/app/script-settings", { protection: "previews" });
  const closed = await platform().fetch(alias);
  expect([closed.status, closed.headers["x-robots-tag"]]).toEqual([401, "noindex"]);
  expect(closed.body).toContain("freehold access");
  expect((await get()).status).toBe(200);
  const { url, token } = (await platform().api.send("POST", "/workers/scripts/app/access-links", {
    preview: new URL(alias).hostname.split("-app.")[0],
  })) as { url: string; token: string };
  const opened = await platform().fetch(url);
  expect(opened.status).toBe(303);
  const [cookie = ""] = String(opened.headers["set-cookie"]).split(";");
  const [control] = platform().role("control");
  process.kill(control?.pid ?? 0, "SIGSTOP");
  try {
    const location = String(opened.headers.location);
    expect(location).not.toContain("freehold_access");
    expect((await platform().fetch(location, { headers: { cookie } })).body).toBe("Hello from next");
    expect((await platform().fetch(alias, { headers: { "freehold-access": token } })).status).toBe(200);
    expect((await platform().fetch(alias)).status).toBe(401);
  } finally {
    process.kill(control?.pid ?? 0, "SIGCONT");
  }
  await platform().api.send("DELETE", "/workers/scripts/app/access-links");
  expect((await platform().fetch(alias, { headers: { cookie } })).status).toBe(401);
});
