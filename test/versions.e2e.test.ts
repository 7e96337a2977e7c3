import { expect, test } from "vitest";
import { urlPrintedBy, urlsPrintedBy } from "./harness/platform.ts";
import { Project } from "./harness/project.ts";
import { usePlatform } from "./harness/suite.ts";

const platform = usePlatform();
const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/;

const live = async () => (await platform().fetch(await platform().url("hello"))).body;
const release = (name: string) => {
  const project = new Project("hello-ts");
  project.replace("src/index.ts", '"v1"', `"${name}"`);
  return project;
};

let first = "";
let second = "";

test("versions upload before the first deploy says that the Worker does not exist", async () => {
  using project = release("v0");
  const { code, output } = await platform().wrangler(project.directory, ["versions", "upload"]);
  expect(code).not.toBe(0);
  expect(output).toMatch(/does not (yet )?exist/i);
});

test("an uploaded version answers at its own address and changes nothing else", async () => {
  using one = release("v1");
  const deployed = await platform().wranglerOk(one.directory, ["deploy", "--message", "the first"]);
  first = deployed.match(uuid)?.[0] ?? "";
  using two = release("v2");
  const output = await platform().wranglerOk(two.directory, [
    "versions",
    "upload",
    "--tag",
    "two",
    "--message",
    "the second",
  ]);
  second = output.match(uuid)?.[0] ?? "";
  expect(second).not.toBe(first);
  const address = urlPrintedBy(output);
  expect(new URL(address).hostname).toMatch(new RegExp(`^${second.slice(0, 8)}-hello\\.`));
  expect((await platform().fetch(address)).body).toBe("Hello from v2");
  expect(await live()).toBe("Hello from v1");
});

test("a preview alias follows the newest upload that names it", async () => {
  using three = release("v3");
  const output = await platform().wranglerOk(three.directory, ["versions", "upload", "--preview-alias", "staging"]);
  const alias = urlsPrintedBy(output).find((address) => new URL(address).hostname.startsWith("staging-hello."));
  expect(alias, output).toBeDefined();
  expect((await platform().fetch(alias ?? "")).body).toBe("Hello from v3");
  using four = release("v4");
  await platform().wranglerOk(four.directory, ["versions", "upload", "--preview-alias", "staging"]);
  expect((await platform().fetch(alias ?? "")).body).toBe("Hello from v4");
  expect(await live()).toBe("Hello from v1");
});

test("versions list and view show what was uploaded", async () => {
  using project = release("v1");
  const list = await platform().wranglerOk(project.directory, ["versions", "list"]);
  expect(list).toContain(first);
  expect(list).toContain(second);
  expect(list).toContain("the second");
  const view = await platform().wranglerOk(project.directory, ["versions", "view", second]);
  expect(view).toContain("two");
  expect(view).toContain("fetch");
  expect(view).toContain("2026-06-01");
  expect(view).toMatch(/GREETING/);
  const unknown = await platform().wrangler(project.directory, [
    "versions",
    "view",
    "00000000-0000-4000-8000-000000000000",
  ]);
  expect(unknown.code).not.toBe(0);
  expect(unknown.output).toMatch(/\[code: \d+\]/);
});

test("versions deploy makes an uploaded version live", async () => {
  using project = release("v1");
  await platform().wranglerOk(project.directory, ["versions", "deploy", `${second}@100%`, "-y", "--message", "go"]);
  expect(await live()).toBe("Hello from v2");
});

test("a gradual deployment is served by its shares", async () => {
  using project = release("v1");
  await platform().wranglerOk(project.directory, ["versions", "deploy", `${first}@50%`, `${second}@50%`, "-y"]);
  const answers = new Map<string, number>();
  for (let i = 0; i < 100; i++) {
    const body = await live();
    answers.set(body, (answers.get(body) ?? 0) + 1);
  }
  // 100 fair draws: fewer than 20 of one kind has a chance of about one in 10^9.
  expect(answers.get("Hello from v1") ?? 0).toBeGreaterThan(20);
  expect(answers.get("Hello from v2") ?? 0).toBeGreaterThan(20);
  await platform().wranglerOk(project.directory, ["versions", "deploy", `${second}@100%`, "-y"]);
});

test("deployments list and status name the live version", async () => {
  using project = release("v1");
  const status = await platform().wranglerOk(project.directory, ["deployments", "status"]);
  expect(status).toContain(second);
  expect(status).toContain("(100%)");
  const list = await platform().wranglerOk(project.directory, ["deployments", "list"]);
  expect(list).toContain(first);
  expect(list).toContain("go");
});

test("rollback returns to the version before", async () => {
  using project = release("v1");
  const output = await platform().wranglerOk(project.directory, ["rollback", first, "-y", "--message", "back"]);
  expect(output).toContain(first);
  expect(await live()).toBe("Hello from v1");
});

test("rollback without a version id finds the one before by itself", async () => {
  using project = release("v1");
  await platform().wranglerOk(project.directory, ["rollback", "-y", "--message", "and forth"]);
  expect(await live()).toBe("Hello from v2");
});

test("shares that do not sum to 100, and unknown versions, are refused", async () => {
  const deploy = (versions: unknown) =>
    platform().api.call("POST", "/workers/scripts/hello/deployments", { body: { strategy: "percentage", versions } });
  expect((await deploy([{ version_id: first, percentage: 40 }])).envelope.success).toBe(false);
  expect(
    (await deploy([{ version_id: "00000000-0000-4000-8000-000000000000", percentage: 100 }])).envelope.success,
  ).toBe(false);
  expect((await deploy([])).envelope.success).toBe(false);
  expect(await live()).toBe("Hello from v2");
});

test("triggers deploy switches the host name off and on", async () => {
  using project = release("v1");
  project.configure({ workers_dev: false, preview_urls: true });
  await platform().wranglerOk(project.directory, ["triggers", "deploy"]);
  expect((await platform().fetch(await platform().url("hello"))).status).toBe(404);
  expect((await platform().fetch(await platform().url(`${second.slice(0, 8)}-hello`))).body).toBe("Hello from v2");
  project.configure({ workers_dev: true, preview_urls: false });
  await platform().wranglerOk(project.directory, ["triggers", "deploy"]);
  expect(await live()).toBe("Hello from v2");
  expect((await platform().fetch(await platform().url(`${second.slice(0, 8)}-hello`))).status).toBe(404);
});
