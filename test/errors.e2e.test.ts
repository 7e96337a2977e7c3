import { expect, test } from "vitest";
import { uploadForm } from "./harness/api.ts";
import { Project } from "./harness/project.ts";
import { usePlatform } from "./harness/suite.ts";

const platform = usePlatform();
const esm = "application/javascript+module";

/** Uploads as the client does; the first error. */
async function refusal(source: string, metadata: Record<string, unknown> = {}) {
  const form = uploadForm(metadata, [{ name: "index.js", type: esm, content: source }]);
  const { envelope, status } = await platform().api.call("PUT", "/workers/scripts/refused?excludeScript=true", {
    form,
  });
  expect(envelope.success).toBe(false);
  expect(status).toBeGreaterThanOrEqual(400);
  expect(status).toBeLessThan(500);
  return envelope.errors[0] ?? { code: 0, message: "" };
}

const sound = "export default { fetch() { return new Response('ok'); } }";

test("the client prints what is wrong with a Worker that throws while it starts", async () => {
  using project = new Project("hello-ts");
  project.write("src/index.ts", `${project.read("src/index.ts")}\nthrow new Error("no luck at start-up");\n`);
  const { code, output } = await platform().wrangler(project.directory, ["deploy"]);
  expect(code).not.toBe(0);
  expect(output).toContain("no luck at start-up");
  expect(output).toContain("[code: 10021]");
});

test("a syntax error is refused with its position", async () => {
  // By the API: the client itself parses what it sends, bundled or not.
  const error = await refusal("export default { fetch() { return new Response('x') } };\n\n const const = 1;\n");
  expect(error.message).toContain("SyntaxError");
  expect(error.message).toMatch(/index\.js:3/);
  expect(error.code).toBe(10021);
});

test.each([
  ["an unknown compatibility flag", { compatibility_flags: ["no_such_flag"] }, /no_such_flag/],
  [
    "an experimental flag",
    { compatibility_flags: ["service_binding_extra_handlers"] },
    /service_binding_extra_handlers|experimental/,
  ],
  ["a date in the future", { compatibility_date: "2999-01-01" }, /2999-01-01|future/],
  ["a malformed date", { compatibility_date: "yesterday" }, /yesterday|YYYY-MM-DD/],
])("%s is refused with code 10021", async (_what, metadata, message) => {
  const error = await refusal(sound, metadata);
  expect(error.message).toMatch(message);
  expect(error.code).toBe(10021);
});

test("a binding type that the platform does not know is refused by name, never dropped", async () => {
  const error = await refusal(sound, { bindings: [{ type: "teleporter", name: "T" }] });
  expect(error.message).toContain("teleporter");
});

test("a service binding to nowhere is refused by name", async () => {
  const error = await refusal(sound, { bindings: [{ type: "service", name: "S", service: "nobody" }] });
  expect(error.message).toContain("nobody");
});

test("an import that is not in the upload is refused by name", async () => {
  const error = await refusal(`import "./missing.js"; ${sound}`);
  expect(error.message).toContain("missing.js");
  expect(error.code).toBe(10021);
});

test("a Worker with no handlers is refused", async () => {
  const error = await refusal("export const nothing = 1;");
  expect([10021, 10068]).toContain(error.code);
});

test("global scope that never ends is refused in bounded time", async () => {
  const startedAt = performance.now();
  const error = await refusal("for (;;); export default {}");
  expect(error.code).toBe(10021);
  expect(error.message).toMatch(/start/i);
  expect(performance.now() - startedAt).toBeLessThan(15_000);
});

test("a Worker beyond the size limit is refused with code 10027", async () => {
  const error = await refusal(`${sound}//${"x".repeat(65 * 1024 * 1024)}`);
  expect(error.code).toBe(10027);
});

test("none of the refused uploads left anything behind", async () => {
  const { envelope } = await platform().api.call("GET", "/workers/services/refused");
  expect([10007, 10090]).toContain(envelope.errors[0]?.code);
});

test("a broken upload leaves the live version alone", async () => {
  await platform().api.deploy("steady", sound);
  const form = uploadForm({}, [{ name: "index.js", type: esm, content: "throw new Error('x')" }]);
  expect((await platform().api.call("PUT", "/workers/scripts/steady", { form })).envelope.success).toBe(false);
  expect((await platform().fetch(await platform().url("steady"))).body).toBe("ok");
});

test.each([
  ["no metadata part", () => new FormData()],
  ["metadata that is not JSON", () => form({ metadata: "{" })],
  [
    "an entry that is not a part",
    () => form({ metadata: JSON.stringify({ main_module: "nothing.js", compatibility_date: "2026-06-01" }) }),
  ],
  ["metadata that is a list", () => form({ metadata: "[]" })],
])("%s is a refusal with an envelope, not a crash", async (_what, make) => {
  const { status, envelope } = await platform().api.call("PUT", "/workers/scripts/malformed", { form: make() });
  expect(status).toBeGreaterThanOrEqual(400);
  expect(status).toBeLessThan(500);
  expect(envelope.errors[0]?.code).toBeGreaterThan(0);
});

test.each(["", "UPPER", "-dash", "dot.dot", "a".repeat(64), "sp ace", "..%2f..%2fetc"])(
  "the name %j is refused",
  async (name) => {
    const form = uploadForm({}, [{ name: "index.js", type: esm, content: sound }]);
    const { status, envelope } = await platform().api.call("PUT", `/workers/scripts/${encodeURIComponent(name)}`, {
      form,
    });
    expect(envelope.success).toBe(false);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
  },
);

test("calls without a token, with a wrong token and to unknown paths have the envelope", async () => {
  const unknown = await platform().api.call("GET", "/no/such/path");
  expect(unknown.status).toBe(404);
  expect(unknown.envelope.errors[0]?.code).toBeGreaterThan(0);
  const wrong = await platform().api.call("GET", "/workers/services/x", { token: "wrong" });
  expect([10000, 9106]).toContain(wrong.envelope.errors[0]?.code);
  const foreign = await platform().api.call(
    "GET",
    "//accounts/ffffffffffffffffffffffffffffffff/workers/scripts/x/secrets",
  );
  expect(foreign.envelope.success).toBe(false);
  expect(foreign.status).toBeGreaterThanOrEqual(400);
});

test("the client says that its token is wrong", async () => {
  using project = new Project("hello-ts");
  const { code, output } = await platform().wrangler(project.directory, ["deploy"], {
    env: { CLOUDFLARE_API_TOKEN: "wrong" },
  });
  expect(code).not.toBe(0);
  expect(output).toMatch(/\[code: (10000|9106)\]/);
});

function form(fields: Record<string, string>): FormData {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) data.set(name, value);
  return data;
}
