import { expect, test } from "vitest";
import { Project } from "./harness/project.ts";
import { filesWith } from "./harness/search.ts";
import { usePlatform } from "./harness/suite.ts";

const platform = usePlatform();

const environment = async (script = "hello") => (await platform().fetch(await platform().url(script, "/env"))).json();
const clear = "correct-horse-battery-staple";

test("a secret is put, listed without its value, and reaches the Worker at once", async () => {
  using project = new Project("hello-ts");
  await platform().wranglerOk(project.directory, ["deploy"]);
  const put = await platform().wranglerOk(project.directory, ["secret", "put", "SECRET"], { input: clear });
  expect(put).toContain("Success");
  expect(await environment()).toEqual({ GREETING: "Hello", SECRET: clear });
  const list = await platform().wranglerOk(project.directory, ["secret", "list", "--format", "json"]);
  expect(JSON.parse(list.slice(list.indexOf("[")))).toEqual([{ name: "SECRET", type: "secret_text" }]);
  expect(list).not.toContain(clear);
});

test("secrets survive deploys; vars that are not in the upload do not", async () => {
  using project = new Project("hello-ts");
  project.configure({ vars: { GREETING: "Hi", OTHER: "var" } });
  await platform().wranglerOk(project.directory, ["deploy"]);
  expect(await environment()).toEqual({ GREETING: "Hi", OTHER: "var", SECRET: clear });
  project.configure({ vars: { GREETING: "Hi" } });
  await platform().wranglerOk(project.directory, ["deploy"]);
  expect(await environment()).toEqual({ GREETING: "Hi", SECRET: clear });
});

test("keep_vars keeps vars that are not in the upload", async () => {
  using project = new Project("hello-ts");
  project.configure({ vars: { GREETING: "Hi", OTHER: "kept" } });
  await platform().wranglerOk(project.directory, ["deploy"]);
  project.configure({ vars: { GREETING: "Hey" }, keep_vars: true });
  await platform().wranglerOk(project.directory, ["deploy"]);
  expect(await environment()).toEqual({ GREETING: "Hey", OTHER: "kept", SECRET: clear });
});

test("bulk puts and removes in one call", async () => {
  using project = new Project("hello-ts");
  project.write("secrets.json", JSON.stringify({ FIRST: "one", SECOND: 'two "quoted" ü\n$lines' }));
  await platform().wranglerOk(project.directory, ["secret", "bulk", "secrets.json"]);
  expect(await environment()).toMatchObject({ FIRST: "one", SECOND: 'two "quoted" ü\n$lines', SECRET: clear });
  const reply = await platform().api.call("PATCH", "/workers/scripts/hello/secrets-bulk", {
    body: { secrets: { FIRST: null, THIRD: { name: "THIRD", text: "three", type: "secret_text" } } },
    headers: { "content-type": "application/merge-patch+json" },
  });
  expect(reply.envelope.errors).toEqual([]);
  const now = (await environment()) as Record<string, string>;
  expect(now.FIRST).toBeUndefined();
  expect(now).toMatchObject({ SECOND: expect.any(String), THIRD: "three", SECRET: clear });
});

test("a secret is deleted", async () => {
  using project = new Project("hello-ts");
  await platform().wranglerOk(project.directory, ["secret", "delete", "SECRET"]);
  expect(((await environment()) as Record<string, string>).SECRET).toBeUndefined();
  const { code, output } = await platform().wrangler(project.directory, ["secret", "delete", "SECRET"]);
  expect(code).not.toBe(0);
  expect(output).toMatch(/code: \d+/);
});

test("a secret for a Worker that does not exist makes a draft of it", async () => {
  using project = new Project("hello-ts");
  project.configure({ name: "not-yet" });
  await platform().wranglerOk(project.directory, ["secret", "put", "SECRET"], { input: "early" });
  await platform().wranglerOk(project.directory, ["deploy"]);
  expect(await environment("not-yet")).toMatchObject({ SECRET: "early", GREETING: "Hello" });
});

test("a required secret that is missing fails the deploy by name", async () => {
  using project = new Project("hello-ts");
  project.configure({ name: "needs-secret", secrets: { required: ["MUST_HAVE"] } });
  const { code, output } = await platform().wrangler(project.directory, ["deploy"]);
  expect(code).not.toBe(0);
  expect(output).toContain("MUST_HAVE");
});

test("versions secret makes a version and deploys nothing", async () => {
  using project = new Project("hello-ts");
  await platform().wranglerOk(project.directory, ["versions", "secret", "put", "LATER"], { input: "later" });
  expect(((await environment()) as Record<string, string>).LATER).toBeUndefined();
  const list = await platform().wranglerOk(project.directory, ["versions", "secret", "list", "--latest-version"]);
  expect(list).toContain("LATER");
  const refused = await platform().wrangler(project.directory, ["secret", "put", "X"], { input: "x" });
  expect(refused.code).not.toBe(0);
  // The client's own words for code 10215.
  expect(refused.output).toContain("isn't currently deployed");
  const versions = (await platform().api.get("/workers/scripts/hello/versions?deployable=true")) as {
    items: { id: string }[];
  };
  await platform().wranglerOk(project.directory, ["versions", "deploy", `${versions.items[0]?.id}@100%`, "-y"]);
  expect(await environment()).toMatchObject({ LATER: "later" });
  await platform().wranglerOk(project.directory, ["versions", "secret", "delete", "LATER"]);
  expect(await environment()).toMatchObject({ LATER: "later" });
});

test("no file of the data directory holds a secret in clear", async () => {
  using project = new Project("hello-ts");
  project.configure({ name: "sealed" });
  await platform().wranglerOk(project.directory, ["deploy"]);
  await platform().wranglerOk(project.directory, ["secret", "put", "SECRET"], { input: clear });
  expect(await environment("sealed")).toMatchObject({ SECRET: clear });
  expect(filesWith(clear, platform().dataDir)).toEqual([]);
  // The search itself works: a var may stand in clear.
  expect(filesWith("Hello", platform().dataDir)).not.toEqual([]);
});
