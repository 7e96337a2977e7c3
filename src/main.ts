/** Entry of every Freehold process: `role:<name>` for the roles, anything else is the command line. */
const [command = "help", ...args] = process.argv.slice(2);

switch (command) {
  case "role:control":
    await (await import("./control/main.ts")).runControl();
    break;
  case "role:edge":
    await (await import("./edge/main.ts")).runEdge();
    break;
  case "role:services":
    await (await import("./services/main.ts")).runServices();
    break;
  default:
    process.exitCode = await (await import("./cli/main.ts")).runCommand(command, args);
}
