import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "..");
const directories: string[] = [];
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

/** A copy of the launchers with its own sources. `modules`: ours, none, or what a fake npm installed. */
function clone(main: string, modules: "linked" | "none"): string {
  const directory = mkdtempSync(join(tmpdir(), "freehold-launch-"));
  directories.push(directory);
  for (const name of ["package.json", "package-lock.json"]) cpSync(join(root, name), join(directory, name));
  cpSync(join(root, "scripts"), join(directory, "scripts"), { recursive: true });
  mkdirSync(join(directory, "src"));
  writeFileSync(join(directory, "src", "main.ts"), main);
  if (modules === "linked") symlinkSync(join(root, "node_modules"), join(directory, "node_modules"));
  return directory;
}

/** Code for `--import` that makes the running Node look like another one. */
const nodes = {
  replaces: "0",
  spawns: "process.execve = undefined",
  old: "Object.defineProperty(process.versions, 'node', { value: '20.1.0' })",
};

interface Run {
  child: ChildProcess;
  output: () => string;
  exited: Promise<number | string | null>;
  said: (text: string) => Promise<void>;
}

function run(directory: string, launcher: string, args: string[], node: keyof typeof nodes, env = {}): Run {
  const child = spawn(
    process.execPath,
    ["--import", `data:text/javascript,${nodes[node]}`, join(directory, "scripts", launcher), ...args],
    { cwd: directory, stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } },
  );
  children.push(child);
  let output = "";
  const exited = once(child, "close").then(([code, signal]) => code ?? signal);
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  child.stderr.on("data", (chunk) => {
    output += chunk;
  });
  const said = async (text: string) => {
    while (!output.includes(text)) await Promise.race([once(child.stdout, "data"), once(child.stdout, "close")]);
  };
  return { child, output: () => output, exited, said };
}

describe.each(["replaces", "spawns"] as const)("a Node that %s the process", (node) => {
  test("passes arguments, the exit code and a compile cache on", async () => {
    const directory = clone(
      "console.log(JSON.stringify([process.argv.slice(2), process.versions.node, process.env.NODE_COMPILE_CACHE]));" +
        "process.exitCode = 7;",
      "linked",
    );
    const { exited, output } = run(directory, "freehold.mjs", ["up", "--port", "9000"], node, {
      NODE_COMPILE_CACHE: undefined,
    });
    expect(await exited).toBe(7);
    const [args, version, cache] = JSON.parse(output());
    expect(args).toEqual(["up", "--port", "9000"]);
    expect(Number.parseInt(version, 10)).toBeGreaterThanOrEqual(26);
    expect(cache).toBe(join(directory, "node_modules", ".cache", "compile"));
  });

  test("passes a signal on once and waits for the end", async () => {
    const directory = clone(
      "let signals = 0; process.on('SIGTERM', () => { signals++; });" +
        // Ends by itself once the signal is there, late enough to count a second one.
        "console.log('up'); const timer = setInterval(() => { if (signals) { clearInterval(timer);" +
        " setTimeout(() => console.log('signals: ' + signals), 300); } }, 10);",
      "linked",
    );
    const { child, exited, output, said } = run(directory, "freehold.mjs", ["up"], node);
    await said("up");
    child.kill("SIGTERM");
    expect(await exited).toBe(0);
    expect(output()).toContain("signals: 1");
  });
});

test("a burst of the same signal reaches the child once", async () => {
  const directory = clone(
    "let signals = 0; process.on('SIGINT', () => { if (++signals === 1) setTimeout(() => {" +
      " console.log('signals: ' + signals); process.exit(0); }, 300); }); setInterval(() => {}, 1000); console.log('up');",
    "linked",
  );
  const { child, exited, output, said } = run(directory, "freehold.mjs", ["up"], "spawns");
  await said("up");
  for (let count = 0; count < 3; count++) {
    child.kill("SIGINT");
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await exited).toBe(0);
  expect(output()).toContain("signals: 1");
});

/** A stand-in for npm: notes its arguments, then links our node_modules or fails. */
function fakeNpm(directory: string, outcome: "installs" | "fails"): string {
  const file = join(directory, "fake-npm.js");
  const code =
    outcome === "fails"
      ? "console.error('npm error network'); process.exit(1);"
      : `require("fs").symlinkSync(${JSON.stringify(join(root, "node_modules"))}, "node_modules");`;
  // package.json says `type: module`; this file is CommonJS like npm's own.
  writeFileSync(
    join(directory, "fake-npm.js"),
    `import { createRequire } from "node:module";
const require = createRequire(import.meta.url);
require("fs").writeFileSync("npm-arguments", process.argv.slice(2).join(" "));
${code}`,
  );
  return file;
}

describe("installing", () => {
  test("a fresh clone is installed without development tools, then started", async () => {
    const directory = clone("console.log('started');", "none");
    const { exited, output } = run(directory, "freehold.mjs", [], "replaces", {
      npm_execpath: fakeNpm(directory, "installs"),
    });
    expect(await exited).toBe(0);
    expect(output()).toMatch(/^Installing dependencies .*\nstarted\n$/);
    expect(readFileSync(join(directory, "npm-arguments"), "utf8")).toMatch(/^ci --omit=dev .*--ignore-scripts/);
  });

  test("a development tool brings the development tools", async () => {
    const directory = clone("", "none");
    writeFileSync(join(directory, "hello.ts"), "const text: string = 'hello'; console.log(text);");
    const { exited, output } = run(directory, "dev.mjs", ["node", "hello.ts"], "replaces", {
      npm_execpath: fakeNpm(directory, "installs"),
    });
    expect(await exited).toBe(0);
    expect(output()).toContain("hello");
    expect(readFileSync(join(directory, "npm-arguments"), "utf8")).toMatch(/^ci --include=dev /);
  });

  test("a failure says what npm said and what to do", async () => {
    const directory = clone("", "none");
    const { exited, output } = run(directory, "freehold.mjs", [], "replaces", {
      npm_execpath: fakeNpm(directory, "fails"),
    });
    expect(await exited).toBe(1);
    expect(output()).toContain("npm error network");
    expect(output()).toContain("run the command again");
    expect(output()).not.toContain("    at ");
  });

  test("an installation of other versions is replaced, with the development tools it had", async () => {
    const directory = clone("", "none");
    mkdirSync(join(directory, "node_modules", "vitest"), { recursive: true });
    writeFileSync(
      join(directory, "node_modules", ".package-lock.json"),
      JSON.stringify({ packages: { "node_modules/hono": { version: "0.0.1" } } }),
    );
    const { exited } = run(directory, "freehold.mjs", [], "replaces", { npm_execpath: fakeNpm(directory, "fails") });
    expect(await exited).toBe(1);
    expect(readFileSync(join(directory, "npm-arguments"), "utf8")).toMatch(/^ci --include=dev /);
  });

  test("a complete installation is left alone", async () => {
    const directory = clone("console.log('started');", "linked");
    const { exited } = run(directory, "freehold.mjs", [], "replaces", { npm_execpath: fakeNpm(directory, "fails") });
    expect(await exited).toBe(0);
    expect(existsSync(join(directory, "npm-arguments"))).toBe(false);
  });
});

test("without a pinned Node an old one is refused in plain words", async () => {
  const directory = clone("", "none");
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  mkdirSync(join(directory, "node_modules"));
  writeFileSync(join(directory, "node_modules", ".package-lock.json"), JSON.stringify(lock));
  const { exited, output } = run(directory, "freehold.mjs", [], "old");
  expect(await exited).toBe(1);
  expect(output()).toMatch(/Remove node_modules|Run this with Node 26/);
});
