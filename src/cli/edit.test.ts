import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { runCommand } from "./main.ts";
import { dataDirectory, recordingIo, temporaryDirectory } from "./testing.ts";

const servers: Server[] = [];
const edited: (() => unknown)[] = [];
afterEach(() => {
  for (const remove of edited.splice(0)) remove();
  for (const server of servers.splice(0)) server.close();
});

const ESM = "application/javascript+module";
type Parts = Record<string, [type: string, text: string]>;

/** A platform with one script; each refusal answers one upload. */
async function platform(parts: Parts, refusals: { status: number; code: number; message: string }[] = []) {
  const uploads: { path: string; etag: string | undefined; parts: Record<string, string> }[] = [];
  const server = createServer(async (request, response) => {
    if (request.method === "GET") {
      const form = new FormData();
      for (const [name, [type, text]] of Object.entries(parts)) form.append(name, new File([text], name, { type }));
      const encoded = new Response(form);
      const [entry = ""] = Object.keys(parts).toReversed();
      const headers = {
        "content-type": encoded.headers.get("content-type") ?? "",
        etag: '"one"',
        "cf-entrypoint": entry,
      };
      response.writeHead(200, headers).end(Buffer.from(await encoded.arrayBuffer()));
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const headers = { "content-type": request.headers["content-type"] ?? "" };
    const form = await new Response(Buffer.concat(chunks), { headers }).formData();
    const texts = await Promise.all(
      [...form].map(async ([name, part]) => [name, typeof part === "string" ? part : await part.text()]),
    );
    uploads.push({ path: request.url ?? "", etag: request.headers["if-match"], parts: Object.fromEntries(texts) });
    const refusal = refusals.shift();
    response.writeHead(refusal?.status ?? 200);
    const result = { deployment_id: "the-id" };
    response.end(JSON.stringify(refusal ? { success: false, errors: [refusal] } : { success: true, result }));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { uploads, data: dataDirectory(`http://127.0.0.1:${port}/client/v4`) };
}

/** An editor that runs a shell script over the files; `log` tells what it was given and where. */
function editor(script: string) {
  const directory = temporaryDirectory();
  const path = join(directory, "editor.sh");
  const log = join(directory, "log");
  writeFileSync(path, `echo "$PWD $*" >> ${log}\n${script}\n`);
  const lines = () => readFileSync(log, "utf8").trim().split("\n");
  const directoryOf = () => lines()[0]?.split(" ")[0] ?? "";
  // It may never have been called.
  edited.push(() => existsSync(log) && rmSync(directoryOf(), { recursive: true, force: true }));
  return { command: `sh ${path}`, lines, directoryOf };
}

async function run(data: string, command: string, ...args: string[]) {
  const io = recordingIo({ ...process.env, FREEHOLD_DATA: data, VISUAL: command, EDITOR: "false" });
  const code = await runCommand("edit", args, io);
  return { code, out: io.stdout.join("\n"), err: io.stderr.join("\n") };
}

const hello: Parts = { "a/part.js": [ESM, "part"], "x.wasm": ["application/wasm", "\0asm"], "index.js": [ESM, "one"] };

test("opens the code, entry first, and deploys what was saved if nobody else did", async () => {
  const { uploads, data } = await platform(hello);
  const by = editor("sed -i s/one/two/ index.js");
  expect(await run(data, by.command, "hello", "--message", "why")).toEqual({
    code: 0,
    out: "Deployed hello: version the-id",
    err: "",
  });
  expect(by.lines()[0]).toMatch(/ \.\/index\.js \.\/a\/part\.js$/);
  expect(uploads).toEqual([
    {
      path: expect.stringMatching(/\/workers\/scripts\/hello\/content$/),
      etag: '"one"',
      parts: {
        metadata: JSON.stringify({ main_module: "index.js", annotations: { "workers/message": "why" } }),
        "a/part.js": "part",
        "x.wasm": "\0asm",
        "index.js": "two",
      },
    },
  ]);
  expect(existsSync(by.directoryOf())).toBe(false);
});

test("a Pages project; files that are new are named, modules that are gone are gone", async () => {
  const { uploads, data } = await platform(hello);
  const { code, err } = await run(data, editor("touch new.js; rm a/part.js").command, "--pages", "shop");
  expect([code, err]).toEqual([0, "new.js is none of the modules, so it is not deployed."]);
  expect(uploads[0]?.path).toContain("/pages-worker--shop/");
  expect(Object.keys(uploads[0]?.parts ?? {})).toEqual(["metadata", "x.wasm", "index.js"]);
});

test.each([
  ["nothing changed", "true", 0, /Nothing changed/],
  ["the editor failed", "exit 3", 1, /ended with 3, so nothing is deployed/],
  ["there is no such editor", "exit 127", 1, /no editor/],
])("deploys nothing when %s", async (_, script, expected, words) => {
  const { uploads, data } = await platform(hello);
  const by = editor(script);
  const { code, out, err } = await run(data, by.command, "hello");
  expect([code, uploads]).toEqual([expected, []]);
  expect(out + err).toMatch(words);
  expect(existsSync(by.directoryOf())).toBe(false);
});

test("opens it again with the reason when it is refused", async () => {
  const { uploads, data } = await platform(hello, [{ status: 400, code: 10021, message: "Syntax error\nin line 1" }]);
  const seen = join(temporaryDirectory(), "seen");
  const by = editor(`head -2 index.js >> ${seen}; sed -i 's/^bad/good/; s/^one/bad/' index.js`);
  const { code, err } = await run(data, by.command, "hello");
  expect([code, err]).toEqual([0, "Syntax error\nin line 1 [code: 10021]"]);
  expect(readFileSync(seen, "utf8")).toBe("one// freehold: Syntax error\n// freehold: in line 1 [code: 10021]\n");
  expect(uploads.map(({ parts }) => parts["index.js"])).toEqual(["bad", "good"]);
});

test("gives up when what was refused is saved again, and keeps it", async () => {
  const { uploads, data } = await platform(hello, [{ status: 400, code: 10021, message: "Syntax error" }]);
  const by = editor("sed -i s/^one/bad/ index.js");
  const { code, err } = await run(data, by.command, "hello");
  expect([code, uploads.length, by.lines().length]).toEqual([1, 1, 2]);
  expect(err).toContain("still the one that was refused");
  expect(err).toContain(`Your edit is in ${by.directoryOf()}`);
  expect(readFileSync(join(by.directoryOf(), "index.js"), "utf8")).toBe("// freehold: Syntax error [code: 10021]\nbad");
});

test("does not deploy over somebody else's code, and keeps what was written", async () => {
  const { data } = await platform(hello, [{ status: 412, code: 100151, message: "Somebody deployed" }]);
  const by = editor("sed -i s/one/two/ index.js");
  const { code, err } = await run(data, by.command, "hello");
  expect([code, by.lines().length]).toEqual([1, 1]);
  expect(err).toContain("Somebody deployed");
  expect(readFileSync(join(by.directoryOf(), "index.js"), "utf8")).toBe("two");
});

test("does not write where a module's name leads out of the directory", async () => {
  const { data } = await platform({ "../../evil.js": [ESM, "x"] });
  const { code, err } = await run(data, editor("true").command, "hello");
  expect([code, err]).toEqual([1, 'The code has a module called "../../evil.js", which cannot be a file.']);
});

test.each([[[]], [["a", "b"]], [["a", "--pages", "b"]]])("says how it is called: %j", async (args) => {
  expect((await run(dataDirectory(), "true", ...args)).code).toBe(2);
});

test("a module's name is never an option or a command of the editor", async () => {
  const { data } = await platform({ "+!id": [ESM, "one"], "-c": [ESM, "two"] });
  const by = editor("");
  await run(data, by.command, "hello");
  expect(by.lines()[0]).toMatch(/ \.\/-c \.\/\+!id$/);
});
