import { expect, test } from "vitest";
import { urlPrintedBy } from "./harness/platform.ts";
import { Project } from "./harness/project.ts";
import { usePlatform } from "./harness/suite.ts";

const platform = usePlatform();

const ask = async (step: string, options = {}) => {
  const reply = await platform().fetch(await platform().url("service-a", `/${step}`), options);
  expect(reply.status, reply.body).toBe(200);
  return reply.json();
};

test("a binding to a Worker that does not exist is refused with its name", async () => {
  using caller = new Project("service-a");
  const { code, output } = await platform().wrangler(caller.directory, ["deploy"]);
  expect(code).not.toBe(0);
  expect(output).toMatch(/service-b/);
  expect(output).toMatch(/\[code: \d+\]/);
});

test("two Workers, bound by name, both answer", async () => {
  using callee = new Project("service-b");
  using caller = new Project("service-a");
  await platform().wranglerOk(callee.directory, ["deploy"]);
  const address = urlPrintedBy(await platform().wranglerOk(caller.directory, ["deploy"]));
  expect((await platform().fetch(new URL("/rpc", address).href)).json()).toBe(42);
});

test("fetch keeps method, path, headers and body", async () => {
  expect(await ask("fetch")).toEqual({
    release: "b1",
    method: "POST",
    path: "/path?q=1",
    header: "a",
    body: "hello b",
  });
});

test("a request can be passed on whole", async () => {
  expect(await ask("pass?x=1", { method: "PUT", body: "from outside" })).toMatchObject({
    method: "PUT",
    path: "/pass?x=1",
    body: "from outside",
  });
});

test("RPC: arguments and results, a returned RpcTarget, pipelining, callbacks, streams", async () => {
  expect(await ask("rpc")).toBe(42);
  expect(await ask("target")).toEqual([11, 16, 16]);
  expect(await ask("pipelined")).toBe(42);
  expect(await ask("callback")).toBe("called: BACK");
  expect(await ask("stream")).toBe("streamed over rpc");
});

test("an error crosses with its name and message", async () => {
  expect(await ask("error")).toMatchObject({ name: "RangeError", message: "out of range, says b" });
});

test("a named entrypoint with props", async () => {
  expect(await ask("named")).toEqual({
    rpc: { entrypoint: "Named", props: { tenant: "a", level: 3 } },
    fetch: "named fetch",
  });
});

test("a binding to itself", async () => {
  expect(await ask("self")).toBe("inner greets myself");
});

test("a deploy of the callee reaches callers without a deploy of theirs", async () => {
  expect(await ask("release")).toBe("b1");
  using callee = new Project("service-b");
  callee.replace("src/index.ts", '"b1"', '"b2"');
  await platform().wranglerOk(callee.directory, ["deploy"]);
  expect(await ask("release")).toBe("b2");
  expect(await ask("fetch")).toMatchObject({ release: "b2" });
});

test("delete names the callers; with --force they lose the callee only", async () => {
  const references = (await platform().api.get("/workers/scripts/service-b/references")) as {
    services?: { incoming?: { service: string }[] };
  };
  expect(references.services?.incoming?.map((one) => one.service)).toContain("service-a");
  using callee = new Project("service-b");
  await platform().wranglerOk(callee.directory, ["delete", "--force"]);
  expect(await ask("self")).toBe("inner greets myself");
  const reply = await platform().fetch(await platform().url("service-a", "/rpc"));
  expect(reply.status).toBe(500);
});
