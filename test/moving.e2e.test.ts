/** Code edited where it is deployed, and projects that move: to a Worker, and from another platform. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCommand } from "../src/cli/main.ts";
import { Project } from "./harness/project.ts";
import { usePlatform } from "./harness/suite.ts";

const platform = usePlatform();
const app = new Project("moving-app");
afterAll(() => app[Symbol.dispose]());

const at = (host: string, path: string) => platform().fetch(`http://${host}.localhost:${platform().port}${path}`);

/** `freehold …` as in a terminal, on this platform. */
async function freehold(args: string[], env: Record<string, string> = {}) {
  const lines: string[] = [];
  const io = {
    out: (line: string) => lines.push(line),
    err: (line: string) => lines.push(line),
    env: { PATH: process.env.PATH, FREEHOLD_DATA: platform().dataDir, ...env },
  };
  const [name = "", ...rest] = args;
  return { code: await runCommand(name, rest, io), printed: lines.join("\n") };
}

describe("a Pages project", () => {
  beforeAll(async () => {
    const { id } = (await platform().api.send("POST", "/storage/kv/namespaces", { title: "moving" })) as { id: string };
    const { uuid } = (await platform().api.send("POST", "/d1/database", { name: "moving" })) as { uuid: string };
    await platform().api.send("POST", "/r2/buckets", { name: "moving" });
    const stores = {
      kv_namespaces: [{ binding: "KV", id }],
      d1_databases: [{ binding: "DB", database_name: "moving", database_id: uuid }],
      r2_buckets: [{ binding: "FILES", bucket_name: "moving" }],
    };
    app.configure({
      ...stores,
      vars: { GREETING: "hello" },
      env: { preview: { vars: { GREETING: "hi" }, ...stores } },
    });
    const env_vars = { SECRET: { type: "secret_text", value: "hush" } };
    await platform().api.send("POST", "/pages/projects", {
      name: "moving",
      production_branch: "main",
      deployment_configs: { production: { env_vars } },
    });
    await platform().wranglerOk(app.directory, ["pages", "deploy", "--branch", "main"]);
  });

  test("quick editor", async () => {
    // First what the runtime refuses, then what it takes.
    app.write(
      "editor.mjs",
      `import { readFileSync, writeFileSync } from "node:fs";
      const [, , file] = process.argv;
      const text = readFileSync(file, "utf8");
      const explained = text.startsWith("// freehold: ");
      writeFileSync(file, explained ? text.replace("broken(\\n", "").replace("data.seen }", "'edited' }") : "broken(\\n" + text);`,
    );
    const edited = await freehold(["edit", "--pages", "moving", "--message", "a word mended"], {
      VISUAL: `${process.execPath} ${app.directory}/editor.mjs`,
    });
    expect(edited.printed).toMatch(/SyntaxError(.|\n)*Deployed pages-worker--moving/);
    expect(edited.code).toBe(0);
    expect((await at("moving.pages", "/api/variables")).json()).toEqual({
      greeting: "hello",
      secret: "hush",
      seen: "edited",
    });
    // Files, their rules and what starts no code are as before.
    expect((await at("moving.pages", "/api/manual")).headers["x-middleware"]).toBeUndefined();
    expect((await at("moving.pages", "/old")).headers.location).toBe("/about");
    const [newest, first] = (await platform().api.get("/pages/projects/moving/deployments")) as {
      environment: string;
      aliases: string[];
      deployment_trigger: { metadata: Record<string, unknown> };
    }[];
    expect(newest).toMatchObject({
      environment: "production",
      aliases: [expect.stringContaining("//main.moving.")],
      deployment_trigger: { metadata: { branch: "main", commit_message: "a word mended", commit_dirty: true } },
    });
    expect(first?.aliases).toBeNull();
  });
});
