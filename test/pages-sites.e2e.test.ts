import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import Cloudflare from "cloudflare";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { wranglerHash } from "../src/products/assets/testing-upload.ts";
import { Project } from "./harness/project.ts";
import { exchange } from "./harness/raw-socket.ts";
import { usePlatform } from "./harness/suite.ts";

const platform = usePlatform();
const project = new Project("pages-site");
const pages = (...args: string[]) => platform().wranglerOk(project.directory, ["pages", ...args]);
const deploy = (directory: string, branch: string) =>
  pages(
    "deploy",
    directory,
    "--project-name",
    "shop",
    "--branch",
    branch,
    "--commit-hash",
    "abcdef0123456789",
    "--commit-dirty",
  );

/** Host of the project, or of what the label shows. */
const host = (label = "") => `${label && `${label}.`}shop.pages.localhost`;
const fetch = (path: string, label = "", headers: Record<string, string> = {}, method = "GET") =>
  platform().fetch(`http://${host(label)}:${platform().port}${path}`, { headers, method });

let created: string;
let production: string;
let preview: string;

beforeAll(async () => {
  created = await pages("project", "create", "shop", "--production-branch", "main");
  production = await deploy("site", "main");
  preview = await deploy("spa", "feature/New_look");
});
afterAll(() => project[Symbol.dispose]());

/** Addresses that wrangler printed, as a browser opens them. */
const addresses = (output: string) =>
  [...output.matchAll(/https:\/\/[\w.-]+\.localhost:\d+\S*/g)].map(([address]) => address);

describe("what wrangler prints opens", () => {
  test("the project's address", async () => {
    expect(addresses(created)).toEqual([`https://${host()}:${platform().port}/`]);
    expect((await platform().fetch(addresses(created)[0] ?? "")).body).toBe("<h1>Home</h1>\n");
  });

  test("a deployment's own address, and the alias of its branch", async () => {
    const [own = "", alias = ""] = addresses(preview);
    expect(new URL(own).hostname).toMatch(/^[0-9a-f]{8}\.shop\.pages\.localhost$/);
    expect(new URL(alias).hostname).toBe(host("feature-new-look"));
    for (const address of [own, alias]) expect((await platform().fetch(address)).body).toBe("<h1>App</h1>\n");
    expect((await platform().fetch(addresses(production)[0] ?? "")).body).toBe("<h1>Home</h1>\n");
  });
});

describe("a site with pages of its own for what is not there", () => {
  test.each([
    ["/", 200, "<h1>Home</h1>\n"],
    ["/about", 200, "<h1>About</h1>\n"],
    ["/docs/", 200, "<h1>Docs</h1>\n"],
    ["/none", 404, "<h1>No such page</h1>\n"],
    ["/none/deeper", 404, "<h1>No such page</h1>\n"],
    // The nearest one.
    ["/docs/none", 404, "<h1>No such document</h1>\n"],
    ["/docs/deep/none", 404, "<h1>No such document</h1>\n"],
    // What is not for visitors is not there.
    ["/_headers", 404, "<h1>No such page</h1>\n"],
    ["/_redirects", 404, "<h1>No such page</h1>\n"],
  ])("%s: %d", async (path, status, body) => {
    const reply = await fetch(path);
    expect([reply.status, reply.body]).toEqual([status, body]);
  });

  test.each([
    ["/about.html", 308, "/about"],
    ["/about/", 308, "/about"],
    ["/index.html?a=1", 308, "/?a=1"],
    ["/docs", 308, "/docs/"],
    ["/docs/index", 308, "/docs/"],
    ["/old?a=1", 301, "/about?a=1"],
    ["/team/kim", 302, "/about?who=kim"],
    ["/go", 307, "https://example.com/there"],
  ])("%s: %d to %s", async (path, status, location) => {
    const reply = await fetch(path);
    expect([reply.status, reply.headers.location]).toEqual([status, location]);
  });

  test("a rewrite shows another file under the same address", async () => {
    expect(await fetch("/shown-as-about")).toMatchObject({ status: 200, body: "<h1>About</h1>\n" });
  });

  test("headers are Pages' own, under the rules of _headers", async () => {
    const { headers } = await fetch("/");
    expect(headers).toMatchObject({
      "access-control-allow-origin": "*",
      "referrer-policy": "strict-origin-when-cross-origin",
      "x-content-type-options": "nosniff",
      "cache-control": "public, max-age=0, must-revalidate",
      "content-type": "text/html; charset=utf-8",
      etag: expect.stringMatching(/^"[0-9a-f]{32}"$/),
    });
    expect(headers["x-robots-tag"]).toBeUndefined();
    expect((await fetch("/img/logo.svg")).headers["cache-control"]).toBe("public, max-age=3600");
    const about = (await fetch("/about")).headers;
    expect([about["x-frame-options"], about["access-control-allow-origin"]]).toEqual(["DENY", undefined]);
    expect((await fetch("/none")).headers["cache-control"]).toBe("no-store");
  });

  test("other methods and known contents", async () => {
    expect((await fetch("/", "", {}, "POST")).status).toBe(405);
    const { etag = "" } = (await fetch("/")).headers;
    expect((await fetch("/", "", { "if-none-match": etag })).status).toBe(304);
    expect((await fetch("/", "", {}, "HEAD")).body).toBe("");
  });

  test("links of a page go ahead of it, and with it", async () => {
    const navigate = `GET /styled HTTP/1.1\r\nHost: ${host()}\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nConnection: close\r\n\r\n`;
    await expect
      .poll(async () => (await exchange(platform().port, navigate)).text)
      .toMatch(
        /^HTTP\/1\.1 103 Early Hints\r\nlink: <\/style\.css>; rel="preload"; as=style\r\n\r\nHTTP\/1\.1 200 OK\r\n/,
      );
    expect((await fetch("/styled")).headers.link).toContain("</style.css>");
  });
});

describe("a preview", () => {
  test("without a page for what is not there is a single page", async () => {
    for (const path of ["/", "/any/where", "/about"])
      expect(await fetch(path, "feature-new-look")).toMatchObject({ status: 200, body: "<h1>App</h1>\n" });
    expect((await fetch("/data.json", "feature-new-look")).json()).toEqual({ items: 3 });
  });

  test("is not for search engines", async () => {
    expect((await fetch("/", "feature-new-look")).headers["x-robots-tag"]).toBe("noindex");
  });

  test("of a branch that there is not is not there", async () => {
    expect((await fetch("/", "none")).status).toBe(404);
  });
});

test("files of any name are where their address says, an empty one too", async () => {
  const long = `${"d".repeat(200)}/${"f".repeat(240)}.txt`;
  const names = ["a#b.txt", "what?.txt", "50%.txt", "a%20b.txt", "with space.txt", "a+b.txt", "a&b='c.txt", "a;b.txt"];
  const texts = [...names, "back\\slash.txt", "füße.txt", "🎉.txt", "sub/_headers", "sub/functions/x.txt", long];
  for (const name of texts) {
    mkdirSync(join(project.directory, "names", dirname(name)), { recursive: true });
    project.write(`names/${name}`, name);
  }
  project.write("names/empty.txt", "");
  await deploy("names", "names");
  const address = (name: string) => `/${name.split("/").map(encodeURIComponent).join("/")}`;
  for (const name of texts) expect((await fetch(address(name), "names")).body, name).toBe(name);
  const empty = await fetch("/empty.txt", "names");
  expect([empty.status, empty.body]).toEqual([200, ""]);
  const [newest] = (await platform().api.get("/pages/projects/shop/deployments")) as { id: string }[];
  await platform().api.send("DELETE", `/pages/projects/shop/deployments/${newest?.id}?force=true`);
});

test("deployments and projects are listed", async () => {
  const list = await pages("deployment", "list", "--project-name", "shop");
  expect(list).toMatch(/Production.*main.*abcdef0/);
  expect(list).toMatch(/Preview.*feature\/New_look.*abcdef0/);
  expect(await pages("project", "list")).toMatch(/shop.*shop\.pages\.localhost/);
});

test("production goes back, a preview is deleted with its alias, and at last the project", async () => {
  const list = async () =>
    (await platform().api.get("/pages/projects/shop/deployments")) as { id: string; environment: string }[];
  const [old] = (await list()).filter(({ environment }) => environment === "production");
  await deploy("spa", "main");
  expect((await fetch("/")).body).toBe("<h1>App</h1>\n");
  // Whoever still has the page of before may ask for its files.
  expect((await fetch("/style.css")).body).toBe("h1 { color: green }\n");
  await platform().api.send("POST", `/pages/projects/shop/deployments/${old?.id}/rollback`);
  expect((await fetch("/")).body).toBe("<h1>Home</h1>\n");

  const [shown] = (await list()).filter(({ environment }) => environment === "preview");
  await pages("deployment", "delete", shown?.id ?? "", "--project-name", "shop", "--force");
  expect((await fetch("/", "feature-new-look")).status).toBe(404);
  expect((await fetch("/", shown?.id.slice(0, 8))).status).toBe(404);

  await pages("project", "delete", "shop", "--yes");
  expect((await fetch("/")).status).toBe(404);
});

test("the official SDK makes every call that it has for Pages", async () => {
  const { clientEnv, api } = platform();
  const baseURL = clientEnv.CLOUDFLARE_API_BASE_URL ?? "";
  const as = (apiToken = "") => new Cloudflare({ apiToken, baseURL, maxRetries: 0 }).pages;
  const { projects } = as(clientEnv.CLOUDFLARE_API_TOKEN);
  const account = { account_id: api.account };
  const of = { ...account, project_name: "sdk" };
  const listed = async <T>(pages: AsyncIterable<T>) => Array.fromAsync(pages);

  const created = await projects.create({ ...account, name: "sdk", production_branch: "main" });
  expect(created).toMatchObject({ name: "sdk", subdomain: `sdk.pages.localhost:${platform().port}` });
  expect((await listed(projects.list(account))).map(({ name }) => name)).toContain("sdk");
  const edited = await projects.edit("sdk", { ...account, build_config: { build_command: "npm run build" } });
  expect(edited.build_config?.build_command).toBe("npm run build");
  expect((await projects.get("sdk", account)).id).toBe(created.id);
  expect(await projects.purgeBuildCache("sdk", account)).toBeNull();

  const { jwt } = (await projects.getUploadToken("sdk", account)) as { jwt: string };
  const { assets } = as(jwt);
  const [path, content] = ["/index.html", "<h1>Made by the SDK</h1>"];
  const key = wranglerHash(path, content);
  expect(await listed(assets.checkMissing({ hashes: [key] }))).toEqual([key]);
  const value = Buffer.from(content).toString("base64");
  await assets.upload({ body: [{ key, value, metadata: { contentType: "text/html" }, base64: true }] });
  await assets.upsertHashes({ hashes: [key] });
  expect(await listed(assets.checkMissing({ hashes: [key] }))).toEqual([]);

  const { deployments, domains } = projects;
  const files = { manifest: JSON.stringify({ [path]: key }), commit_message: "by the SDK" };
  const first = await deployments.create("sdk", { ...account, ...files, branch: "main" });
  expect(first).toMatchObject({ environment: "production", latest_stage: { name: "deploy", status: "success" } });
  expect((await platform().fetch(first.url)).body).toBe(content);
  const preview = await deployments.create("sdk", { ...account, ...files, branch: "dev" });
  const retried = await deployments.retry(preview.id, of);
  expect((await listed(deployments.list("sdk", { ...account, env: "preview" }))).map(({ id }) => id)).toEqual([
    retried.id,
    preview.id,
  ]);
  expect((await deployments.get(first.id, of)).deployment_trigger.metadata.commit_message).toBe("by the SDK");
  expect((await deployments.history.logs.get(first.id, of)).data.at(-1)?.line).toBe("Success: the site was deployed.");
  expect((await deployments.rollback(first.id, of)).id).toBe(first.id);
  await deployments.delete(retried.id, { ...of, force: true });

  expect(await domains.create("sdk", { ...account, name: "sdk.example.com" })).toMatchObject({ status: "active" });
  expect((await listed(domains.list("sdk", account))).map(({ name }) => name)).toEqual(["sdk.example.com"]);
  for (const call of ["get", "edit"] as const) {
    expect((await domains[call]("sdk.example.com", of)).name).toBe("sdk.example.com");
  }
  await domains.delete("sdk.example.com", of);
  await projects.delete("sdk", account);
  await expect(projects.get("sdk", account)).rejects.toMatchObject({ status: 404, errors: [{ code: 8000007 }] });
});
