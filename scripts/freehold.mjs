#!/usr/bin/env node
/** Starts Freehold with the Node it needs, after installing what is missing: `freehold.mjs <command> [arguments]`. */
import { join } from "node:path";
import { become, findNode, install, main, root } from "./launch.mjs";

await main(async (arguments_) => {
  install({ dev: false });
  await become(findNode(), [join(root, "src", "main.ts"), ...arguments_]);
});
