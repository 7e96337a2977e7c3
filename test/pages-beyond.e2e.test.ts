/** What the original's Pages has not and its Workers have (pages-and-builds.md 19.1): one test for each row, named after it. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { uploadForm } from "./harness/api.ts";
import { withinMinute } from "./harness/minute.ts";
import { Project } from "./harness/project.ts";
import { usePlatform } from "./harness/suite.ts";

const platform = usePlatform({ FREEHOLD_ROLLOUT_CHECK_SECONDS: "1" });
const send = (method: string, path: string, body?: unknown) => platform().api.send(method, path, body);
const get = (address: string) => platform().fetch(`http://${address.replace(/(\/|$)/, `:${platform().port}$1`)}`);

interface Deployed {
  id: string;
}
const newest = async (project: string) =>
  ((await platform().api.get(`/pages/projects/${project}/deployments`)) as Deployed[])[0] as Deployed;
const shares = async (project: string) => {
  const answer = await platform().api.get(`/workers/scripts/pages-worker--${project}/deployments`);
  const [active] = (answer as { deployments: { versions: { version_id: string; percentage: number }[] }[] })
    .deployments;
  return active?.versions;
};

describe("an app of Functions that are routed by files", () => {
  const app = new Project("pages-beyond");
  const script = "/workers/scripts/pages-worker--app";
  const number = async (path: string) => (await get(`app.pages.localhost${path}`)).json();

  beforeAll(async () => {
    await send("POST", "/queues", { queue_name: "letters" });
    const production = {
      durable_object_namespaces: { COUNTER: { class_name: "Counter" } },
      queue_producers: { QUEUE: { name: "letters" } },
      bindings: {
        LIMITER: { type: "ratelimit", namespace_id: "1", simple: { limit: 2, period: 60 } },
        IMAGES: { type: "images" },
      },
    };
    await send("POST", "/pages/projects", {
      name: "app",
      production_branch: "main",
      deployment_configs: { production },
    });
    const routes = ["--outdir=build", "--output-routes-path=site/_routes.json"];
    await platform().wranglerOk(app.directory, ["pages", "functions", "build", ...routes]);
    await platform().wranglerOk(app.directory, ["pages", "deploy", "site", "--project-name=app", "--branch=main"]);
  });
  afterAll(() => app[Symbol.dispose]());

  test("Durable Object classes of its own", async () => {
    expect([await number("/count"), await number("/count")]).toEqual([1, 2]);
    // The files are there too, and their paths start no code.
    expect((await get("app.pages.localhost/")).body).toBe("<h1>Beyond</h1>\n");
    expect(JSON.parse(app.read("site/_routes.json"))).toMatchObject({ include: expect.not.arrayContaining(["/*"]) });
  });

  test("image binding", async () => {
    const { headers, body } = await get("app.pages.localhost/picture");
    expect([headers["content-type"], body.slice(8, 12)]).toEqual(["image/webp", "WEBP"]);
  });

  test("rate limiting", async () => {
    await withinMinute(async (key) => {
      const ask = () => number(`/limited?${key}`);
      expect([await ask(), await ask(), await ask()]).toEqual([true, true, false]);
    });
  });

  test("cron triggers", async () => {
    await send("PUT", `${script}/schedules`, [{ cron: "0 0 1 1 *" }]);
    await send("POST", `${script}/schedules/run`, { cron: "0 0 1 1 *" });
    await expect.poll(() => number("/seen/ticks"), { timeout: 20_000 }).toBe(1);
  });

  test("queue consumers", async () => {
    const [queue] = (await platform().api.get("/queues?name=letters")) as { queue_id: string }[];
    const settings = { batch_size: 1, max_wait_time_ms: 0 };
    const consumer = { type: "worker", script_name: "pages-worker--app", settings };
    await send("POST", `/queues/${queue?.queue_id}/consumers`, consumer);
    await get("app.pages.localhost/send");
    await expect.poll(() => number("/seen/messages"), { timeout: 20_000 }).toBe(1);
  });

  test("routes on part of a host, and assets under a sub-path", async () => {
    const { id } = (await send("POST", "//zones", { name: "example.com" })) as { id: string };
    for (const pattern of ["part.example.com/count*", "part.example.com/docs/*"])
      await send("POST", `//zones/${id}/workers/routes`, { pattern, script: "pages-worker--app" });
    expect((await get("part.example.com/count")).json()).toBe(3);
    // The directory's files answer below the route's path, as a Worker's do.
    expect((await get("part.example.com/docs/")).body).toBe("<h1>Beyond</h1>\n");
    expect((await get("part.example.com/")).status).toBe(404);
  });
});

describe("production takes to a deployment step by step", () => {
  const source = (release: string) => `export default { fetch: () => new Response("${release}") }`;
  const seen = async () => (await get("site.pages.localhost/")).body;

  async function deploy(release: string): Promise<string> {
    const bundle = uploadForm({ bindings: undefined }, [
      { name: "index.js", type: "application/javascript+module", content: source(release) },
    ]);
    const form = new FormData();
    form.set("manifest", "{}");
    form.set("branch", "main");
    form.set("_worker.bundle", await new Response(bundle).blob(), "_worker.bundle");
    const { envelope } = await platform().api.call("POST", "/pages/projects/site/deployments", { form });
    return (envelope.result as Deployed).id;
  }
  const rollout = (given: unknown) =>
    send("PATCH", "/pages/projects/site", { deployment_configs: { production: { rollout: given } } });

  let first = "";
  let second = "";

  beforeAll(async () => {
    await send("POST", "/pages/projects", { name: "site", production_branch: "main" });
    first = await deploy("first");
  });

  test("gradual deployments", async () => {
    await rollout({ percentage: 0 });
    second = await deploy("second");
    expect(await shares("site")).toEqual([
      { version_id: second, percentage: 0 },
      { version_id: first, percentage: 100 },
    ]);
    for (let request = 0; request < 20; request++) expect(await seen()).toBe("first");
    const override = { "cloudflare-workers-version-overrides": `pages-worker--site="${second}"` };
    const reply = await platform().fetch(`http://site.pages.localhost:${platform().port}/`, { headers: override });
    expect(reply.body).toBe("second");
    // By hand, with the real client.
    const args = ["versions", "deploy", `${first}@60%`, `${second}@40%`, "--name", "pages-worker--site", "--yes"];
    using empty = new Project("pages-beyond");
    await platform().wranglerOk(empty.directory, args);
    const bodies = new Set<string>();
    for (let request = 0; request < 60; request++) bodies.add(await seen());
    expect([...bodies].sort()).toEqual(["first", "second"]);
    await send("POST", `/pages/projects/site/deployments/${first}/rollback`);
    expect(await seen()).toBe("first");
  });

  test("automatic progression", async () => {
    await rollout({ steps: [10, 60].map((percentage) => ({ percentage, minutes: 0 })) });
    const third = await deploy("third");
    const reached = async () => (await shares("site"))?.map(({ version_id }) => version_id);
    await expect.poll(reached, { timeout: 20_000 }).toEqual([third]);
    // The edges are told once it is decided.
    await expect.poll(seen).toBe("third");
    expect((await newest("site")).id).toBe(third);
  });
});
