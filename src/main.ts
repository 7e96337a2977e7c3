import { importKnown } from "./lib/known-imports.ts";

/** Entry of every Freehold process: `role:<name>` for the roles, anything else is the command line. */
const [command = "help", ...args] = process.argv.slice(2);

/** Imports a role as its supervisor knows it. */
const role = <T>(load: () => Promise<T>) =>
  importKnown(new URL("..", import.meta.url), process.env.FREEHOLD_KNOWN_IMPORTS, load);

switch (command) {
  case "role:control":
    await (await role(() => import("./control/main.ts"))).runControl();
    break;
  case "role:edge":
    await (await role(() => import("./edge/main.ts"))).runEdge();
    break;
  case "role:services":
    await (await role(() => import("./services/main.ts"))).runServices();
    break;
  default:
    process.exitCode = await (await import("./cli/main.ts")).runCommand(command, args);
}
