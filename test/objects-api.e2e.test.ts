import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { HomesSnapshot } from "../src/domain/homes.ts";
import { Project } from "./harness/project.ts";
import { usePlatform } from "./harness/suite.ts";

const platform = usePlatform();
const projects: Project[] = [];
afterAll(() => {
  for (const project of projects) project[Symbol.dispose]();
});

/** A project of its own name whose code exports these classes, and whose binding is to the first of them. */
function projectOf(name: string, settings: Record<string, unknown>): Project {
  const project = new Project("classes-app");
  projects.push(project);
  project.configure({ name, ...settings });
  return project;
}

function exportClasses(project: Project, ...classes: string[]): void {
  const code = project.read("src/index.js");
  const declarations = classes.map((name) => `export class ${name} extends Store {}`).join("\n");
  project.write(
    "src/index.js",
    code.replace(/(export class \w+ extends Store \{\}\n?)*\n*(?=\/\*\*)/, `${declarations}\n\n`),
  );
}

const bound = (class_name: string, script_name?: string) => ({
  bindings: [{ name: "OBJECTS", class_name, ...(script_name && { script_name }) }],
});

const deploy = (project: Project) => platform().wranglerOk(project.directory, ["deploy"]);

/** Deploys what must be refused; answers what the client printed, on one line. */
async function refused(project: Project, args: string[] = ["deploy"]): Promise<string> {
  const { code, output } = await platform().wrangler(project.directory, args);
  expect(code, output).not.toBe(0);
  return output.replace(/\s+/g, " ");
}

interface Namespace {
  id: string;
  name: string;
  script: string;
  class: string;
  use_sqlite: boolean;
}

async function namespacesOf(script: string): Promise<Namespace[]> {
  const all = (await platform().api.get("/workers/durable_objects/namespaces")) as Namespace[];
  return all.filter((one) => one.script === script);
}

async function migrationTag(script: string): Promise<string | undefined> {
  const service = (await platform().api.get(`/workers/services/${script}`)) as {
    default_environment: { script: { migration_tag?: string } };
  };
  return service.default_environment.script.migration_tag;
}

function homeOf(script: string) {
  const { homes } = JSON.parse(readFileSync(join(platform().dataDir, "homes.json"), "utf8")) as HomesSnapshot;
  return homes.find(({ scriptName }) => scriptName === script);
}

async function call(script: string, path: string): Promise<unknown> {
  const reply = await platform().fetch(await platform().url(script, path));
  expect(reply.status, reply.body).toBe(200);
  return reply.json();
}

describe("migrations", () => {
  const project = projectOf("migrated", {});

  test("make a class, with its namespace and its home", async () => {
    await deploy(project);
    const [namespace] = await namespacesOf("migrated");
    expect(namespace).toMatchObject({ name: "migrated_First", class: "First", use_sqlite: true });
    expect(namespace?.id).toMatch(/^[0-9a-f]{32}$/);
    expect(await migrationTag("migrated")).toBe("v1");
    expect(homeOf("migrated")).toMatchObject({
      guests: [],
      classes: [{ className: "First", namespaceId: namespace?.id, storage: "sqlite" }],
    });
  });

  test("are sent once: the next deploy is an ordinary version", async () => {
    const before = await namespacesOf("migrated");
    await deploy(project);
    expect(await namespacesOf("migrated")).toEqual(before);
  });

  test("rename a class: its objects keep their data, under the same ids", async () => {
    expect(await call("migrated", "/a/one")).toEqual(["one"]);
    const [before] = await namespacesOf("migrated");
    exportClasses(project, "Second");
    project.configure({
      durable_objects: bound("Second"),
      migrations: [
        { tag: "v1", new_sqlite_classes: ["First"] },
        { tag: "v2", renamed_classes: [{ from: "First", to: "Second" }] },
      ],
    });
    await deploy(project);
    expect(await namespacesOf("migrated")).toEqual([{ ...before, class: "Second", name: "migrated_Second" }]);
    expect(await migrationTag("migrated")).toBe("v2");
    expect(await call("migrated", "/a")).toEqual(["one"]);
  });

  test("refuse what does not fit, in words that help", async () => {
    const wrong = projectOf("wrong", { migrations: [{ tag: "v1", new_sqlite_classes: ["First", "Missing"] }] });
    expect(await refused(wrong)).toMatch(/'Missing'.*does not export it.*\[code: 10070\]/);
    wrong.configure({ migrations: [] });
    expect(await refused(wrong)).toMatch(/'First'.*not currently configured.*\[code: 10061\]/);
    expect(await namespacesOf("wrong")).toEqual([]);
  });

  test("a class that has objects must stay in the code", async () => {
    exportClasses(project, "Third");
    project.configure({ durable_objects: { bindings: [] } });
    expect(await refused(project)).toMatch(/does not export class 'Second'.*\[code: 10064\]/);
  });

  test("cannot go back to a version before them", async () => {
    const { items } = (await platform().api.get("/workers/scripts/migrated/versions")) as { items: { id: string }[] };
    const first = items.at(-1)?.id ?? "";
    const out = await refused(project, ["versions", "deploy", `${first}@100%`, "--yes"]);
    expect(out).toMatch(/\[code: 10211\]/);
  });

  test("move a class to another Worker, with its data", async () => {
    const taker = projectOf("taker", {
      durable_objects: bound("Taken"),
      migrations: [{ tag: "v1", transferred_classes: [{ from: "Second", from_script: "migrated", to: "Taken" }] }],
    });
    exportClasses(taker, "Taken");
    const [before] = await namespacesOf("migrated");
    await deploy(taker);
    expect(await namespacesOf("migrated")).toEqual([]);
    expect(await namespacesOf("taker")).toMatchObject([{ id: before?.id, class: "Taken" }]);
    expect(await call("taker", "/a/two")).toEqual(["one", "two"]);
    // The Worker that had it is bound to it still.
    expect(await call("migrated", "/a")).toEqual(["one", "two"]);
  });

  test("delete a class once nobody binds it", async () => {
    const taker = projects.at(-1) as Project;
    taker.configure({
      durable_objects: { bindings: [] },
      migrations: [
        // The client replays the list and does not know transfers.
        { tag: "v1", new_sqlite_classes: ["Taken"] },
        { tag: "v2", deleted_classes: ["Taken"] },
      ],
    });
    taker.write("src/index.js", "export default { fetch: () => new Response('none') };");
    expect(await refused(taker)).toMatch(/other Workers bind it \(migrated\).*\[code: 10061\]/);
    await platform().api.send("DELETE", "/workers/services/migrated?force=true");
    await deploy(taker);
    expect(await namespacesOf("taker")).toEqual([]);
    expect(homeOf("taker")).toBeUndefined();
  });
});

describe("declared exports", () => {
  const live = { type: "durable-object", storage: "sqlite" };
  const source = projectOf("source", { migrations: undefined, exports: { First: live } });

  test("make a class, and change nothing the second time", async () => {
    expect(await deploy(source)).toContain("Created: First");
    expect(await deploy(source)).not.toContain("reconciliation");
    expect(await call("source", "/a/one")).toEqual(["one"]);
  });

  test("rename it", async () => {
    exportClasses(source, "Second");
    source.configure({
      durable_objects: bound("Second"),
      exports: { First: { type: "durable-object", state: "renamed", renamed_to: "Second" }, Second: live },
    });
    expect(await deploy(source)).toContain("Renamed: First → Second");
    expect(await call("source", "/a")).toEqual(["one"]);
    expect(await deploy(source)).toContain("Safe to remove from `exports`: First");
  });

  test("refuse what does not fit, all at once", async () => {
    source.configure({ exports: { Second: { ...live, storage: "legacy-kv" }, Phantom: live } });
    const output = await refused(source);
    expect(output).toContain("[storage_type_mismatch] class 'Second'");
    expect(output).toContain("[config_references_nonexistent_class] class 'Phantom'");
    source.configure({ exports: { Second: live } });
  });

  test("transfer it in two phases", async () => {
    const target = projectOf("target", {
      migrations: undefined,
      durable_objects: bound("Second"),
      exports: { Second: { ...live, state: "expecting-transfer", transfer_from: "source" } },
    });
    exportClasses(target, "Second");
    expect(await deploy(target)).toContain("Transfer pending: Second ← source");
    source.configure({
      durable_objects: bound("Second", "target"),
      exports: { Second: { type: "durable-object", state: "transferred", transferred_to: "target" } },
    });
    expect(await deploy(source)).toContain("Transferred (committed): Second → target");
    expect(await namespacesOf("source")).toEqual([]);
    expect(await call("target", "/a/two")).toEqual(["one", "two"]);
    expect(await call("source", "/a")).toEqual(["one", "two"]);
  });
});

describe("versions", () => {
  const project = projectOf("previewed", { preview_urls: true });
  let preview = "";

  test("that are not deployed have data of their own", async () => {
    await deploy(project);
    expect(await call("previewed", "/a/one")).toEqual(["one"]);
    project.configure({ vars: { CHANGED: "yes" } });
    const output = await platform().wranglerOk(project.directory, ["versions", "upload"]);
    preview = /Version ID: ([0-9a-f]{8})/.exec(output)?.[1] ?? "";
    expect(await call(`${preview}-previewed`, "/a")).toEqual([]);
    expect(await call(`${preview}-previewed`, "/a/mine")).toEqual(["mine"]);
    expect(await call("previewed", "/a")).toEqual(["one"]);
  });

  test("see production's data where the script says so", async () => {
    await platform().api.send("PATCH", "/workers/scripts/previewed/script-settings", { preview_state: "production" });
    await expect.poll(() => call(`${preview}-previewed`, "/a"), { timeout: 20_000 }).toEqual(["one"]);
    expect(await call(`${preview}-previewed`, "/a/two")).toEqual(["one", "two"]);
    expect(await call("previewed", "/a")).toEqual(["one", "two"]);
  });

  test("that split traffic share it", async () => {
    const { items } = (await platform().api.get("/workers/scripts/previewed/versions")) as { items: { id: string }[] };
    const versions = items.map(({ id }) => ({ version_id: id, percentage: 50 }));
    await platform().api.send("POST", "/workers/scripts/previewed/deployments", { strategy: "percentage", versions });
    expect(homeOf("previewed")).toMatchObject({ versionId: items[0]?.id, guests: [items[1]?.id] });
    for (let count = 0; count < 20; count++) expect(await call("previewed", "/a")).toEqual(["one", "two"]);
  });

  test("cannot bring new classes, and the client says so", async () => {
    exportClasses(project, "First", "New");
    project.configure({ durable_objects: bound("New"), migrations: [{ tag: "v1", new_sqlite_classes: ["First"] }] });
    expect(await refused(project, ["versions", "upload"])).toMatch(/'New'.*\[code: 10123\]/);
    project.configure({
      migrations: undefined,
      exports: {
        First: { type: "durable-object", storage: "sqlite" },
        New: { type: "durable-object", storage: "sqlite" },
      },
    });
    expect(await refused(project, ["versions", "upload"])).toMatch(/'New'.*not provisioned/);
  });
});

describe("deleting", () => {
  test("a Worker deletes its objects' files", async () => {
    const project = projectOf("deleted", {});
    await deploy(project);
    await call("deleted", "/a/one");
    const [namespace] = await namespacesOf("deleted");
    const directory = join(platform().dataDir, "state", namespace?.id ?? "");
    expect(existsSync(directory)).toBe(true);
    await platform().wranglerOk(project.directory, ["delete", "--force"]);
    await expect.poll(() => existsSync(directory), { timeout: 20_000 }).toBe(false);
    expect(await namespacesOf("deleted")).toEqual([]);
  });
});

describe("inspection", () => {
  test("lists objects and reads what they stored, while they run", async () => {
    const [namespace] = await namespacesOf("target");
    const base = `/workers/durable_objects/namespaces/${namespace?.id}`;
    const objects = (await platform().api.get(`${base}/objects`)) as { id: string; hasStoredData: boolean }[];
    expect(objects).toEqual([{ id: expect.stringMatching(/^[0-9a-f]{64}$/), hasStoredData: true }]);
    const object = `${base}/objects/${objects[0]?.id}`;
    expect(await platform().api.get(`${object}/keys`)).toMatchObject([{ key: "list", value: ["one", "two"] }]);
    const query = { sql: "select value from entries order by value" };
    expect(await platform().api.send("POST", `${object}/query`, query)).toEqual({
      columns: ["value"],
      rows: [["one"], ["two"]],
      truncated: false,
    });
    expect(await platform().api.get(`${base}/usage`)).toMatchObject({ objects: 1, complete: true });
  });
});
