import { readdirSync, readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { paths } from "../domain/paths.ts";
import { contentPath } from "../products/assets/content-path.ts";
import { announcement, bulkForm, shaHash, type TestFiles, wranglerHash } from "../products/assets/testing-upload.ts";
import { AssetUploads } from "../products/assets/uploads.ts";
import { type TestApi, testApi } from "./testing.ts";
import { announce, assetsOnly, sendBulk, uploadAssets } from "./testing-assets.ts";

let api: TestApi;
beforeEach(async () => {
  api = await testApi({ FREEHOLD_ASSET_MAX_FILES: "50", FREEHOLD_ASSET_MAX_FILE_MB: "1" });
});
afterEach(async () => {
  vi.useRealTimers();
  await api.end();
});

const files: TestFiles = { "/index.html": "<h1>x</h1>\n", "/b.bin": "b\n", "/none": "hi\n", "/empty.txt": "" };
const root = () => paths(api.platform.config).assets;
const contents = () => api.platform.db.selectFrom("asset_contents").selectAll().orderBy("hash").execute();
const drafts = () => readdirSync(`${root()}/drafts`);
const stored = (path: string, content: string) =>
  readFileSync(contentPath(root(), api.platform.account.id, wranglerHash(path, content)), "utf8");

it("knows the client's hash", () => {
  expect(wranglerHash("/index.html", "<h1>x</h1>\n")).toBe("6e685e4883fed022eae92500f07d7f39");
  expect(wranglerHash("/none", "hi\n")).toBe("19cdaf503aea99cae910fdd748e442ff");
});

describe("an upload", () => {
  it("asks for what is missing, before there is a script, and completes with the last file", async () => {
    const { status, result } = await announce(api, "new", files);
    expect(status).toBe(200);
    expect(result.buckets.flat().sort()).toEqual(
      Object.entries(files)
        .map(([path, content]) => wranglerHash(path, content))
        .sort(),
    );
    const [first, ...others] = result.buckets.flat() as string[];
    const partly = await sendBulk(api, result.jwt, bulkForm(files, others));
    expect(partly).toMatchObject({ status: 202, result: {} });
    const whole = await sendBulk(api, result.jwt, bulkForm(files, [first ?? ""]));
    expect(whole).toMatchObject({ status: 201, result: { jwt: expect.stringMatching(/^\S+\.\S+\.\S+$/) } });
    for (const [path, content] of Object.entries(files)) expect(stored(path, String(content))).toBe(content);
    expect(drafts()).toEqual([]);
  });

  it("may be repeated, after its end too", async () => {
    const { result } = await announce(api, "s", files);
    for (let i = 0; i < 2; i++) {
      const again = await sendBulk(api, result.jwt, bulkForm(files));
      expect(again).toMatchObject({ status: 201, result: { jwt: expect.any(String) } });
    }
    expect(await contents()).toHaveLength(4);
  });

  it("goes on after a restart of the control process", async () => {
    const { result } = await announce(api, "s", files);
    const hashes = result.buckets.flat() as string[];
    await sendBulk(api, result.jwt, bulkForm(files, hashes.slice(0, 2)));
    // What a new process knows: the database, the files and the key.
    const fresh = new AssetUploads(api.platform);
    const missing = await fresh.use(api.platform.account.id, result.jwt, async (upload) => [...upload.missing]);
    expect(missing.sort()).toEqual(hashes.slice(2).sort());
  });

  it("needs nothing when everything is there, for any script of the account", async () => {
    await uploadAssets(api, "one", files);
    const { result } = await announce(api, "two", { "/other.html": "<h1>x</h1>\n" });
    expect(result.buckets).toEqual([]);
    expect((await api.call("PUT", "/scripts/two", assetsOnly({ jwt: result.jwt }))).status).toBe(200);
  });

  it("keeps the type of each file; application/null is none", async () => {
    await uploadAssets(api, "s", files, { "/b.bin": "application/null", "/none": "text/x-mine" });
    const types = new Map((await contents()).map((row) => [row.hash, row.content_type]));
    expect(types.get(wranglerHash("/b.bin", "b\n"))).toBeNull();
    expect(types.get(wranglerHash("/none", "hi\n"))).toBe("text/x-mine");
  });

  it("takes large files in pieces", async () => {
    const large = Buffer.alloc(1_000_000, "0123456789");
    await uploadAssets(api, "s", { "/large.txt": large });
    expect(stored("/large.txt", large.toString())).toBe(large.toString());
  });

  it("takes one file as the body", async () => {
    const { result } = await announce(api, "s", { "/b.bin": "b\n" });
    const hash = wranglerHash("/b.bin", "b\n");
    const body = new Blob(["b\n"]).stream();
    const headers = { authorization: `Bearer ${result.jwt}`, "content-type": "image/png" };
    const answer = await api.call("POST", `/assets/upload/${hash}`, body, headers);
    expect(answer).toMatchObject({ status: 201, result: { jwt: expect.any(String) } });
    expect(await contents()).toMatchObject([{ hash, size: 2, content_type: "image/png" }]);
  });

  it("takes hashes of other clients as they are", async () => {
    const manifest = announcement({ "/a": "aaa" }, shaHash);
    const { result } = await api.call("POST", "/scripts/s/assets-upload-session", { manifest });
    const form = new FormData();
    form.append(shaHash("/a", "aaa"), new File([btoa("aaa")], "a"));
    expect((await sendBulk(api, result.jwt, form, { "user-agent": "other" })).status).toBe(201);
  });
});

describe("an announcement is refused", () => {
  const hash = "0".repeat(32);
  it.each([
    ["without a manifest", undefined, 10021],
    ["with a relative path", { "a.html": { hash, size: 1 } }, 10021],
    ["with a hash of another form", { "/a": { hash: "../../etc/passwd", size: 1 } }, 10021],
    [
      "with too many files",
      Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`/${i}`, { hash, size: 1 }])),
      10304,
    ],
    ["with a file that is too large", { "/a": { hash, size: 1_048_577 } }, 10021],
  ])("%s", async (_, manifest, code) => {
    const answer = await api.call("POST", "/scripts/s/assets-upload-session", { manifest });
    expect(answer.code).toBe(code);
  });

  it("that gives a stored file another size", async () => {
    await uploadAssets(api, "s", files);
    const manifest = { "/a.bin": { hash: wranglerHash("/b.bin", "b\n"), size: 3 } };
    const answer = await api.call("POST", "/scripts/s/assets-upload-session", { manifest });
    expect(answer.errors[0]?.message).toContain("another size");
  });
});

describe("a file is refused, and nothing of its request is kept,", () => {
  const hash = wranglerHash("/b.bin", "b\n");
  const good = { "/index.html": "<h1>x</h1>\n" };
  it.each<[string, string, string, number, RegExp]>([
    ["that was not announced", "f".repeat(32), btoa("b\n"), 10306, /not part/],
    ["with a name that is a path", "../../../x", btoa("b\n"), 10306, /not part/],
    ["with less than was announced", hash, btoa("b"), 10307, /1 bytes, and 2/],
    ["with more than was announced", hash, btoa("b\nc"), 10307, /more than the 2 bytes/],
    ["that is not base64", hash, "b\n*=", 10307, /not base64/],
    ["that is cut off", hash, "YgoA"[0] ?? "", 10307, /cut off/],
    ["whose content is another", hash, btoa("c\n"), 10307, /not the one that was announced/],
  ])("%s", async (_, name, text, code, message) => {
    const { result } = await announce(api, "s", { ...good, "/b.bin": "b\n" });
    const form = bulkForm(good);
    form.append(name, new File([text], name));
    const answer = await sendBulk(api, result.jwt, form);
    expect(answer.code).toBe(code);
    expect(answer.errors[0]?.message).toMatch(message);
    expect(await contents()).toEqual([]);
    expect(drafts()).toEqual([]);
  });

  it("that comes twice", async () => {
    const { result } = await announce(api, "s", good);
    const form = bulkForm(good);
    const name = wranglerHash("/index.html", "<h1>x</h1>\n");
    form.append(name, new File([btoa("<h1>x</h1>\n")], name));
    expect((await sendBulk(api, result.jwt, form)).code).toBe(10307);
  });

  it("in a body that breaks off", async () => {
    const { result } = await announce(api, "s", good);
    const whole = new Response(bulkForm(good));
    const bytes = Buffer.from(await whole.arrayBuffer());
    const answer = await api.call("POST", "/assets/upload?base64=true", new Blob([bytes.subarray(0, -30)]).stream(), {
      authorization: `Bearer ${result.jwt}`,
      "content-type": whole.headers.get("content-type") ?? "",
    });
    expect(answer.code).toBe(10026);
    expect(await contents()).toEqual([]);
  });
});

describe("a token", () => {
  const upload = (jwt: string) => sendBulk(api, jwt, bulkForm(files));

  it("opens nothing when it is missing, foreign or for something else", async () => {
    const { result } = await announce(api, "s", files);
    const completion = await uploadAssets(api, "s", files);
    const none = await api.call("POST", "/assets/upload?base64=true", bulkForm(files));
    expect([none.status, none.code]).toEqual([401, 10305]);
    expect((await upload("a.b.c")).code).toBe(10305);
    expect((await upload(completion)).code).toBe(10305);
    const other = await api.call("POST", "//accounts/other/workers/assets/upload?base64=true", bulkForm(files), {
      authorization: `Bearer ${result.jwt}`,
    });
    expect(other.errors[0]?.message).toContain("another account");
  });

  it("expires after an hour", async () => {
    const { result } = await announce(api, "s", files);
    const completion = await uploadAssets(api, "s", files);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 3_601_000 });
    expect((await upload(result.jwt)).errors[0]?.message).toContain("expired");
    const late = await api.call("PUT", "/scripts/s", assetsOnly({ jwt: completion }));
    expect([late.status, late.code]).toEqual([400, 10021]);
    expect(late.errors[0]?.message).toContain("expired");
  });

  it("of a completed upload makes versions of its script only, as often as it is sent", async () => {
    const jwt = await uploadAssets(api, "s", files);
    for (let i = 0; i < 2; i++) expect((await api.call("PUT", "/scripts/s", assetsOnly({ jwt }))).status).toBe(200);
    const other = await api.call("PUT", "/scripts/other", assetsOnly({ jwt }));
    expect([other.code, other.errors[0]?.message]).toEqual([10021, expect.stringContaining("for the script s")]);
    const { result } = await announce(api, "s", { "/new.html": "new" });
    const unfinished = await api.call("PUT", "/scripts/s", assetsOnly({ jwt: result.jwt }));
    expect(unfinished.errors[0]?.message).toContain("not finished");
  });
});
