/** The Cache API on the whole platform, deployed by the real client. */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Platform, startPlatform, urlPrintedBy } from "./harness/platform.ts";
import { Project } from "./harness/project.ts";

vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

const worker = (release: string) => `
declare const caches: CacheStorage & { default: Cache };
export default {
  async fetch(request: Request): Promise<Response> {
    const cached = await caches.default.match(request);
    if (cached) return cached;
    const { searchParams } = new URL(request.url);
    const bytes = Number(searchParams.get("bytes") ?? 0);
    const body = "made by ${release} " + "x".repeat(bytes);
    const response = new Response(body, { headers: { "cache-control": "max-age=600", etag: '"1"' } });
    await caches.default.put(request, response.clone());
    return response;
  },
};`;

let platform: Platform;
let project: Project;
let address: string;

beforeAll(async () => {
  platform = await startPlatform();
  project = new Project("hello-ts");
  await deploy("the first");
});
afterAll(async () => {
  project[Symbol.dispose]();
  await platform[Symbol.asyncDispose]();
});

async function deploy(release: string): Promise<void> {
  project.write("src/index.ts", worker(release));
  address = urlPrintedBy(await platform.wranglerOk(project.directory, ["deploy"]));
}

const get = (path: string, headers: Record<string, string> = {}) =>
  platform.fetch(new URL(path, address).href, { headers });

test("a second request is answered from the cache, by the same Worker", async () => {
  const first = await get("/page");
  expect([first.body.trim(), first.headers["cf-cache-status"]]).toEqual(["made by the first", undefined]);
  const second = await get("/page");
  expect([second.body.trim(), second.headers["cf-cache-status"]]).toEqual(["made by the first", "HIT"]);
});

test("the client's conditions and ranges reach it; a name of a cache does not", async () => {
  await get("/page");
  expect(await get("/page", { "if-none-match": '"1"' })).toMatchObject({ status: 304, body: "" });
  expect(await get("/page", { range: "bytes=0-3" })).toMatchObject({ status: 206, body: "made" });
  const forged = await get("/page", { "cf-cache-namespace": "other" });
  expect(forged.headers["cf-cache-status"]).toBe("HIT");
});

test("a large response", async () => {
  const path = "/large?bytes=3000000";
  await get(path);
  const { headers, body } = await get(path);
  expect([headers["cf-cache-status"], body.length]).toEqual(["HIT", 3_000_018]);
});

test("a deploy keeps it", async () => {
  await deploy("the second");
  expect((await get("/page")).body.trim()).toBe("made by the first");
  expect((await get("/new")).body.trim()).toBe("made by the second");
});

test("a purge by the API", async () => {
  const purge = (body: unknown) => platform.api.send("POST", "/workers/scripts/hello/purge_cache", body);
  await get("/kept");
  const { href } = new URL("/new", address);
  expect(await purge({ files: [href] })).toMatchObject({ purged: 1 });
  expect((await get("/new")).headers["cf-cache-status"]).toBeUndefined();
  expect((await get("/kept")).headers["cf-cache-status"]).toBe("HIT");
  expect(await purge({ purge_everything: true })).toMatchObject({ purged: expect.any(Number) });
  expect((await get("/page")).body.trim()).toBe("made by the second");
  await expect(purge({})).rejects.toThrow(/purge_everything/);
  await expect(
    platform.api.send("POST", "/workers/scripts/none/purge_cache", { purge_everything: true }),
  ).rejects.toThrow(/10007/);
});

test("a restart keeps it, and the end of the services role costs only a moment", async () => {
  await get("/page");
  const { dataDir } = platform;
  const { code } = await platform.stop();
  expect(code).toBe(0);
  platform = await startPlatform({ dataDir });
  address = await platform.url("hello");
  // The port is another, and is part of the address of what is kept.
  await get("/page");
  expect((await get("/page")).headers["cf-cache-status"]).toBe("HIT");
  const [services] = platform.role("services");
  if (!services) throw new Error("there is no services process");
  process.kill(services.pid, "SIGKILL");
  await expect.poll(async () => (await get("/page")).headers["cf-cache-status"], { timeout: 20_000 }).toBe("HIT");
});

test("a script that comes again under the name of a deleted one finds nothing", async () => {
  await get("/page");
  await platform.wranglerOk(project.directory, ["delete", "--force"]);
  await deploy("the third");
  expect((await get("/page")).body.trim()).toBe("made by the third");
});
