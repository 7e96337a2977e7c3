/** `wrangler preview`: branches of a Worker with bindings, secrets and data of their own. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { urlsPrintedBy } from "./harness/platform.ts";
import { Project } from "./harness/project.ts";
import { usePlatform } from "./harness/suite.ts";

const platform = usePlatform();
let app: Project;

beforeAll(() => {
  app = new Project("remote-app");
  app.configure({
    durable_objects: { bindings: [{ name: "VISITS", class_name: "Visits" }] },
    migrations: [{ tag: "v1", new_sqlite_classes: ["Visits"] }],
    previews: {
      vars: { WHO: "preview" },
      durable_objects: { bindings: [{ name: "VISITS", class_name: "Visits" }] },
    },
  });
});
afterAll(() => app[Symbol.dispose]());

const preview = (args: string[], input?: string) =>
  platform().wranglerOk(app.directory, ["preview", ...args], input === undefined ? {} : { input });

async function ask(address: string) {
  const reply = await platform().fetch(new URL("/x", address.replace("https:", "http:")).href);
  return { ...(reply.json() as Record<string, unknown>), robots: reply.headers["x-robots-tag"] };
}

test("a preview has addresses, variables, secrets and objects of its own", async () => {
  await platform().wranglerOk(app.directory, ["deploy"]);
  const production = await platform().url("remote-app");
  expect(await ask(production)).toMatchObject({ who: "edited", visits: 1 });
  await preview(["base-config", "secret", "put", "SECRET"], "from the base");

  const [latest = "", deployment = ""] = urlsPrintedBy(await preview(["--name", "feature/Login"]));
  expect(new URL(latest).hostname).toBe("feature-login-remote-app.dev.localhost");
  expect(await ask(latest)).toMatchObject({ who: "preview", secret: "from the base", visits: 1, robots: "noindex" });
  expect(await ask(production)).toMatchObject({ who: "edited", visits: 2, robots: undefined });

  await preview(["secret", "put", "SECRET", "--name", "feature/Login"], "its own");
  expect(await ask(latest)).toMatchObject({ secret: "its own", visits: 2 });
  app.replace("src/index.js", '"first"', '"second"');
  await preview(["--name", "feature/Login"]);
  expect(await ask(latest)).toMatchObject({ edition: "second", secret: "its own", visits: 3 });
  // A deployment is what it was.
  expect(await ask(deployment)).toMatchObject({ edition: "first", secret: "from the base" });

  await preview(["delete", "--name", "feature/Login", "--skip-confirmation"]);
  for (const address of [latest, deployment]) {
    expect((await platform().fetch(address.replace("https:", "http:"))).status).toBe(404);
  }
});

test("a Worker that is not there yet is made for its first preview", async () => {
  const output = await preview(["--name", "first", "--worker-name", "new-app"]);
  expect(await ask(urlsPrintedBy(output)[0] ?? "")).toMatchObject({ who: "preview" });
  expect((await platform().fetch(await platform().url("new-app"))).status).toBe(404);
});
