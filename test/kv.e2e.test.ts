/** `wrangler kv` and a Worker that shares the keys with it. */
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { urlPrintedBy } from "./harness/platform.ts";
import { Project } from "./harness/project.ts";
import { usePlatform } from "./harness/suite.ts";

const platform = usePlatform();

interface Listed {
  id: string;
  title: string;
}

let app: Project;
let address: string;
let id: string;

beforeAll(() => {
  app = new Project("kv-app");
});
afterAll(() => app[Symbol.dispose]());

const kv = (...args: string[]) => platform().wranglerOk(app.directory, ["kv", ...args]);

/** JSON that the client prints, perhaps after other lines. */
// biome-ignore lint/suspicious/noExplicitAny: looked into by the fields that people read.
const printed = (output: string): any => JSON.parse(output.slice(output.search(/^[[{]/m)));

const ask = (key: string) => platform().fetch(new URL(`/${encodeURIComponent(key)}`, address).href);

test("a deploy makes the namespace that the configuration does not name; a second one inherits it", async () => {
  address = urlPrintedBy(await platform().wranglerOk(app.directory, ["deploy"]));
  await platform().wranglerOk(app.directory, ["deploy"]);
  const rows = printed(await kv("namespace", "list")) as Listed[];
  expect(rows).toEqual([{ id: expect.any(String), title: "kv-app-my-cache", supports_url_encoding: true }]);
  id = rows[0]?.id ?? "";
  expect((await ask("nothing")).status).toBe(404);
});

test("the binding's namespace is found without an id, from the deployed Worker", async () => {
  await kv("key", "put", "a key/with: ü", "héllo", "--binding", "MY_CACHE", "--remote");
  expect((await ask("a key/with: ü")).body).toBe("héllo");
  app.configure({ kv_namespaces: [{ binding: "MY_CACHE", id, preview_id: id }] });
  const read = ["key", "get", "a key/with: ü", "--binding", "MY_CACHE", "--preview", "--remote", "--text"];
  expect((await kv(...read)).trim()).toBe("héllo");
});

test("values with metadata and expiration, from arguments and from files", async () => {
  await kv("key", "put", "m", "1", "--namespace-id", id, "--remote", "--metadata", '{"ü":[1]}', "--ttl", "3600");
  const reply = await ask("m");
  expect([reply.body, decodeURIComponent(String(reply.headers.metadata))]).toEqual(["1", '{"ü":[1]}']);
  const bytes = randomBytes(300_000);
  writeFileSync(join(app.directory, "file.bin"), bytes);
  const inAnHour = Math.floor(Date.now() / 1000) + 3600;
  const file = ["--path", "file.bin", "--namespace-id", id, "--remote"];
  await kv("key", "put", "file", ...file, "--expiration", String(inAnHour));
  await kv("key", "put", "file with metadata", ...file, "--metadata", '{"n":1}');
  const { base, account, token } = platform().api;
  const got = await fetch(`${base}/accounts/${account}/storage/kv/namespaces/${id}/values/file%20with%20metadata`, {
    headers: { authorization: `Bearer ${token}` },
  });
  expect(Buffer.compare(await got.bytes(), bytes)).toBe(0);
  expect(printed(await kv("key", "list", "--namespace-id", id, "--remote", "--prefix", "file"))).toEqual([
    { name: "file", expiration: inAnHour },
    { name: "file with metadata", metadata: { n: 1 } },
  ]);
  expect(await platform().api.get(`/storage/kv/namespaces/${id}/metadata/m`)).toEqual({ ü: [1] });
});

test("keys are deleted; a missing key is an error", async () => {
  await kv("key", "delete", "m", "--namespace-id", id, "--remote");
  const missing = await platform().wrangler(app.directory, ["kv", "key", "get", "m", "--namespace-id", id, "--remote"]);
  expect(missing.output).toMatch(/not found/i);
  expect((await ask("m")).status).toBe(404);
});

test("bulk put, get and delete", async () => {
  const pairs = Array.from({ length: 2_500 }, (_, n) => ({
    key: `bulk:${String(n).padStart(4, "0")}`,
    value: Buffer.from(`value ${n}`).toString(n % 2 === 0 ? "utf8" : "base64"),
    ...(n % 2 === 1 && { base64: true }),
    ...(n === 7 && { metadata: { seven: true }, expiration_ttl: 600 }),
  }));
  app.write("pairs.json", JSON.stringify(pairs));
  await kv("bulk", "put", "pairs.json", "--namespace-id", id, "--remote");
  app.write("keys.json", JSON.stringify(["bulk:0007", "bulk:0008", "bulk:none"]));
  expect(await kv("bulk", "get", "keys.json", "--namespace-id", id, "--remote")).toContain("value 7");
  const listed = printed(await kv("key", "list", "--namespace-id", id, "--remote", "--prefix", "bulk:")) as object[];
  expect(listed).toHaveLength(2_500);
  expect(listed[7]).toMatchObject({ metadata: { seven: true } });
  app.write("keys.json", JSON.stringify(pairs.map(({ key }) => key)));
  await kv("bulk", "delete", "keys.json", "--namespace-id", id, "--remote", "--force");
  expect(printed(await kv("key", "list", "--namespace-id", id, "--remote", "--prefix", "bulk:"))).toEqual([]);
});

test("namespaces are made, renamed and deleted; titles are unique", async () => {
  expect(await kv("namespace", "create", "other")).toContain('"id":');
  const again = await platform().wrangler(app.directory, ["kv", "namespace", "create", "other"]);
  expect(again.output).toContain("already exists");
  await kv("namespace", "rename", "other", "--new-name", "another");
  const other = (printed(await kv("namespace", "list")) as Listed[]).find(({ title }) => title === "another");
  await kv("namespace", "delete", "--namespace-id", other?.id ?? "", "-y");
  expect(printed(await kv("namespace", "list"))).toHaveLength(1);
});

test("the API refuses what is wrong with codes that clients know", async () => {
  const { api } = platform();
  const codes = async (method: string, path: string, options = {}) => {
    const { status, envelope } = await api.call(method, `/storage/kv/namespaces${path}`, options);
    return [status, envelope.errors[0]?.code];
  };
  expect(await codes("GET", `/${"0".repeat(32)}/values/x`)).toEqual([404, 10013]);
  expect(await codes("GET", `/${id}/values/none`)).toEqual([404, 10009]);
  expect(await codes("GET", `/${id}/metadata/none`)).toEqual([404, 10009]);
  expect(await codes("GET", `/${id}/keys?limit=1001`)).toEqual([400, 10022]);
  expect(await codes("PUT", `/${id}/values/${"x".repeat(513)}`, { body: "v" })).toEqual([414, 10024]);
  expect(await codes("PUT", `/${id}/values/x?expiration_ttl=59`, { body: "v" })).toEqual([400, 10022]);
  expect(await codes("PUT", `/${id}/bulk`, { body: [{ key: "a" }] })).toEqual([400, 10022]);
  expect(await codes("POST", "", { body: { title: "" } })).toEqual([400, 10012]);
});

test("values of 25 MiB go through the API both ways, as they are and in a form; a byte more is refused", async () => {
  const { base, account, token } = platform().api;
  const address = `${base}/accounts/${account}/storage/kv/namespaces/${id}/values/large`;
  const headers = { authorization: `Bearer ${token}` };
  const bytes = randomBytes(25 * 1024 * 1024);
  const form = (value: Uint8Array<ArrayBuffer>) => {
    const data = new FormData();
    data.set("value", new Blob([value]));
    data.set("metadata", '{"large":true}');
    return data;
  };
  for (const body of [bytes, form(bytes)]) {
    expect((await fetch(address, { method: "PUT", headers, body })).status).toBe(200);
    expect(Buffer.compare(await (await fetch(address, { headers })).bytes(), bytes)).toBe(0);
  }
  const larger = Buffer.concat([bytes, Buffer.from("x")]);
  for (const body of [larger, form(larger)]) {
    const refused = await fetch(address, { method: "PUT", headers, body });
    expect([refused.status, await refused.json()]).toMatchObject([413, { errors: [{ code: 10024 }] }]);
  }
  expect(await platform().api.get(`/storage/kv/namespaces/${id}/metadata/large`)).toEqual({ large: true });
});

test("a bulk write with large values and one with a mistake", async () => {
  const { api } = platform();
  const put = (body: unknown) => api.call("PUT", `/storage/kv/namespaces/${id}/bulk`, { body });
  const large = "é".repeat(100_000);
  const stored = await put([
    { key: "large/é", value: large, metadata: { ü: 1 } },
    { key: "small", value: "s" },
  ]);
  expect(stored.envelope.result).toEqual({ successful_key_count: 2, unsuccessful_keys: [] });
  expect((await ask("large/é")).body).toBe(large);
  const refused = await put([
    { key: "never", value: "v" },
    { key: "x", value: "v", expiration_ttl: 1 },
  ]);
  expect(refused.envelope.errors[0]?.message).toMatch(/^Entry 1: Invalid expiration_ttl of 1/);
  expect((await ask("never")).status).toBe(404);
});

test("a namespace that a deploy made is made anew by the next one when it was deleted", async () => {
  app.configure({ kv_namespaces: [{ binding: "MY_CACHE" }] });
  await platform().api.send("DELETE", `/storage/kv/namespaces/${id}`);
  address = urlPrintedBy(await platform().wranglerOk(app.directory, ["deploy"]));
  const rows = (await platform().api.get("/storage/kv/namespaces")) as Listed[];
  const [made] = rows.filter(({ title }) => title === "kv-app-my-cache");
  expect(made?.id).toMatch(/^[0-9a-f]{32}$/);
  expect(made?.id).not.toBe(id);
  expect((await ask("large/é")).status).toBe(404);
});

test("an app without the namespace cannot be deployed", async () => {
  app.configure({ kv_namespaces: [{ binding: "MY_CACHE", id: "f".repeat(32) }] });
  const { code, output } = await platform().wrangler(app.directory, ["deploy"]);
  expect(code).not.toBe(0);
  expect(output).toContain("not found");
  expect(readFileSync(join(app.directory, "wrangler.json"), "utf8")).toContain("f".repeat(32));
});
