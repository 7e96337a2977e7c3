import { beforeAll, expect, test } from "vitest";
import { urlsPrintedBy } from "./harness/platform.ts";
import { Project } from "./harness/project.ts";
import { Site } from "./harness/site.ts";
import { usePlatform } from "./harness/suite.ts";

const platform = usePlatform();
const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/;

const fetch = async (script: string, path: string, headers: Record<string, string> = {}) =>
  platform().fetch(await platform().url(script, path), { headers });

/** A site whose every part says which release it is of. */
function release(name: string, letter: string): Site {
  return new Site(
    name,
    {
      "index.html": `<script src="/app.${letter}.js"></script>`,
      [`app.${letter}.js`]: `code of ${letter}`,
      "shared.txt": `text of ${letter}`,
      _headers: `/*\n  X-Release: ${letter}\n`,
      _redirects: `/to /${letter}\n`,
      "404.html": `${letter} has no such page`,
    },
    { assets: { not_found_handling: "404-page" } },
  );
}

async function versionOf(output: Promise<string>): Promise<string> {
  return (await output).match(uuid)?.[0] ?? "";
}

const ids = { a: "", b: "" };
let preview = "";

beforeAll(async () => {
  using a = release("site", "a");
  ids.a = await versionOf(platform().wranglerOk(a.directory, ["deploy"]));
  using b = release("site", "b");
  const output = await platform().wranglerOk(b.directory, ["versions", "upload", "--preview-alias", "next"]);
  ids.b = output.match(uuid)?.[0] ?? "";
  preview = urlsPrintedBy(output).find((address) => new URL(address).hostname.startsWith(ids.b.slice(0, 8))) ?? "";
});

test("a preview shows its own version, and the site stays as it is", async () => {
  const at = (path: string) => platform().fetch(new URL(path, preview).href);
  expect((await at("/")).body).toBe('<script src="/app.b.js"></script>');
  expect((await at("/app.b.js")).body).toBe("code of b");
  expect((await at("/app.a.js")).status).toBe(404);
  expect((await at("/to")).headers.location).toBe("/b");
  expect((await fetch("site", "/")).body).toContain("app.a.js");
  expect((await fetch("site", "/app.b.js")).status).toBe(404);
  const alias = preview.replace(ids.b.slice(0, 8), "next");
  expect((await platform().fetch(alias)).body).toContain("app.b.js");
});

test("in a split each answer is of one version, and both find their files", async () => {
  using site = release("site", "a");
  await platform().wranglerOk(site.directory, ["versions", "deploy", `${ids.a}@50`, `${ids.b}@50`, "-y"]);
  const seen = new Set<string>();
  for (let i = 0; i < 60; i++) {
    for (const [path, text] of [
      ["/", (letter: string) => `<script src="/app.${letter}.js"></script>`],
      ["/shared.txt", (letter: string) => `text of ${letter}`],
      ["/none", (letter: string) => `${letter} has no such page`],
    ] as const) {
      const { body, headers } = await fetch("site", path);
      const letter = String(headers["x-release"]);
      expect(body).toBe(text(letter));
      seen.add(letter);
    }
    // The page of either version finds its script, wherever that request goes.
    for (const letter of ["a", "b"]) {
      const { status, body } = await fetch("site", `/app.${letter}.js`);
      expect([status, body]).toEqual([200, `code of ${letter}`]);
    }
    const { headers } = await fetch("site", "/to");
    expect(headers.location).toBe(`/${headers["x-release"]}`);
  }
  expect(seen).toEqual(new Set(["a", "b"]));
});

test("after a deploy files that only versions before had stay reachable, under the rules of the present one", async () => {
  using site = release("site", "b");
  await platform().wranglerOk(site.directory, ["versions", "deploy", `${ids.b}@100`, "-y"]);
  await expect.poll(async () => (await fetch("site", "/shared.txt")).body).toBe("text of b");
  expect((await fetch("site", "/")).body).toContain("app.b.js");
  const old = await fetch("site", "/app.a.js");
  expect([old.status, old.body, old.headers["x-release"]]).toEqual([200, "code of a", "b"]);
  expect((await fetch("site", "/to")).headers.location).toBe("/b");
  expect((await fetch("site", "/none")).body).toBe("b has no such page");
  using c = release("site", "c");
  await platform().wranglerOk(c.directory, ["deploy"]);
  for (const letter of ["a", "b", "c"])
    expect((await fetch("site", `/app.${letter}.js`)).body).toBe(`code of ${letter}`);
});

test("a Worker reads the files of its own version, in a split too", async () => {
  const app = (letter: string) => {
    const project = new Project("assets-app");
    project.configure({ name: "split" });
    project.write("public/data.json", JSON.stringify(Array(letter === "a" ? 1 : 2).fill(0)));
    project.replace("src/index.ts", "items:", `version: "${letter}", items:`);
    return project;
  };
  using a = app("a");
  const first = await versionOf(platform().wranglerOk(a.directory, ["deploy"]));
  using b = app("b");
  const second = await versionOf(platform().wranglerOk(b.directory, ["versions", "upload"]));
  await platform().wranglerOk(b.directory, ["versions", "deploy", `${first}@50`, `${second}@50`, "-y"]);
  const answers = new Set<string>();
  for (let i = 0; i < 40; i++) answers.add((await fetch("split", "/api/count")).body);
  expect(answers).toEqual(new Set(['{"version":"a","items":1}', '{"version":"b","items":2}']));
});

test("requests during a deploy get the old site or the new one, and nothing else", async () => {
  using a = release("busy", "a");
  await platform().wranglerOk(a.directory, ["deploy"]);
  using b = release("busy", "b");
  let done = false;
  const deploying = platform()
    .wranglerOk(b.directory, ["deploy"])
    .finally(() => {
      done = true;
    });
  const answers = new Set<string>();
  while (!done) {
    const { status, headers, body } = await fetch("busy", "/shared.txt");
    answers.add(`${status} ${headers["x-release"]} ${body}`);
    // Its script is there, whichever page it was.
    expect((await fetch("busy", "/app.a.js")).status).toBe(200);
  }
  await deploying;
  await expect.poll(async () => (await fetch("busy", "/shared.txt")).body).toBe("text of b");
  expect([...answers].filter((one) => one !== "200 a text of a" && one !== "200 b text of b")).toEqual([]);
});
