/**
 * Stands in for a role in tests of the supervisor: passes calls from a socket, `<run directory>/<pid>.sock`, on to
 * the supervisor, and remembers what the supervisor asked of it. One line of JSON each way.
 */
import { renameSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { CONFIG_EXIT_CODE, readConfig } from "../domain/config.ts";
import type { ServicesCalls, SupervisorCalls } from "../domain/messages.ts";
import { parentChannel } from "../lib/channel.ts";

/** `call`: make this call; `seen`: list the calls received; `hold`: answer `drain` but do not end. */
export type RoleCommand = { call: keyof SupervisorCalls; request: unknown } | { seen: true } | { hold: true };

const role = process.argv[2]?.replace("role:", "");
if (process.env.FREEHOLD_TEST_BROKEN === role) {
  console.error("broken on purpose");
  process.exit(3);
}
if (process.env.FREEHOLD_TEST_UNFIT === role) {
  console.error("An error of the operator's. Mend it.");
  process.exit(CONFIG_EXIT_CODE);
}
const seen: { name: string; request: unknown }[] = [];
let hold = false;

const channel = parentChannel<SupervisorCalls, ServicesCalls>();
const note = (name: string) => (request: unknown) => {
  seen.push({ name, request });
  return {};
};
for (const name of ["routes", "gone", "attach", "detach"] as const) channel.handle(name, note(name));
channel.handle("release", (request) => ({ ...note("release")(request), released: true }));
channel.handle("inFlight", () => ({ count: 0 }));
channel.handle("drain", (request) => {
  note("drain")(request);
  if (!hold) setImmediate(() => process.exit());
  return {};
});
process.on("disconnect", () => process.exit());

const server = createServer((socket) => {
  createInterface(socket).on("line", async (line) => {
    const command = JSON.parse(line) as RoleCommand;
    if ("seen" in command) return socket.end(JSON.stringify(seen));
    if ("hold" in command) hold = true;
    const reply = "call" in command ? await channel.call(command.call, command.request as never) : {};
    socket.end(JSON.stringify(reply));
  });
});
const socketPath = join(readConfig(process.env, 1).runDir, `${process.pid}.sock`);
// Its file appears a moment before it can be connected to.
server.listen(`${socketPath}.new`, async () => {
  renameSync(`${socketPath}.new`, socketPath);
  console.log(`${role} stands in`);
  await channel.call("ready", {});
});
