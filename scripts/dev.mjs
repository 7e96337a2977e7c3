#!/usr/bin/env node
/**
 * Runs a development tool with the Node that Freehold needs, after installing what is missing:
 * `dev.mjs check`, `dev.mjs node <file>`, or any tool of node_modules/.bin such as `dev.mjs vitest run`.
 */
import { existsSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { become, findNode, install, LaunchError, main, root, runChild, say } from "./launch.mjs";

/** What `check` runs; each is a tool and its arguments. */
const CHECKS = [["tsc"], ["biome", "check", "--error-on-warnings"], ["node", join(root, "scripts", "imports.ts")]];

await main(async ([tool, ...arguments_]) => {
  if (!tool) throw new LaunchError("Say which tool to run, such as: node scripts/dev.mjs vitest run");
  install({ dev: true });
  const node = findNode();
  if (tool !== "check") return become(node, commandLine(tool, arguments_));
  let failed = 0;
  for (const [name, ...rest] of CHECKS) {
    if ((await runChild(node, commandLine(name, rest))) !== 0) failed++;
  }
  say(failed === 0 ? "check: types, lint and imports are clean" : `check: ${failed} of ${CHECKS.length} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
});

/** Arguments for Node that run the tool. */
function commandLine(tool, arguments_) {
  if (tool === "node") return arguments_;
  const link = join(root, "node_modules", ".bin", tool);
  if (!existsSync(link)) throw new LaunchError(`There is no tool "${tool}" in node_modules/.bin.`);
  return [realpathSync(link), ...arguments_];
}
