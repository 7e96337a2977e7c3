/** A supervisor in a process of its own, with stand-ins for roles: for tests that kill it. Sends its status when ready. */
import { join } from "node:path";
import { readConfig } from "../domain/config.ts";
import { startSupervisor } from "./index.ts";
import { planObjects } from "./testing-objects.ts";

const supervisor = await startSupervisor(readConfig(process.env, 1), {
  log() {},
  planLaunch: planObjects,
  roleCommand: (role) => [process.execPath, join(import.meta.dirname, "testing-role.ts"), `role:${role}`],
});
process.send?.(await supervisor.status());
