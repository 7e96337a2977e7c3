#!/usr/bin/env node
/** Starts Freehold with the Node it needs, after installing what is missing: `freehold.mjs <command> [arguments]`. */
import { join } from "node:path";
import { become, findNode, install, main, root } from "./launch.mjs";

/** The supervisor lives long and does little: without a bound the youngest part of its heap keeps 3 MB of what its start left. */
const UP = ["--max-semi-space-size=1"];

await main(async (arguments_) => {
  install({ dev: false });
  const heap = arguments_[0] === "up" ? UP : [];
  await become(findNode(), [...heap, join(root, "src", "main.ts"), ...arguments_]);
});
