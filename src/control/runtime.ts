import { readdir } from "node:fs/promises";
import type { Kysely } from "kysely";
import type { MemberCalls, SupervisorCalls } from "../domain/messages.ts";
import type { paths } from "../domain/paths.ts";
import type { Channel } from "../lib/channel.ts";
import { removeFile, writeDurably } from "../lib/durable-file.ts";
import type { Runtime } from "../store/platform.ts";
import type { Database } from "../store/schema.ts";
import type { EventSender } from "../workerd/event-sender.ts";
import { publish } from "../workers/change.ts";
import type { Publisher } from "./publisher.ts";

export type SupervisorChannel = Channel<SupervisorCalls, MemberCalls>;

/** A validation starts a process and waits for the Worker's start-up, which has a limit of its own. */
const VALIDATE_TIMEOUT_MS = 60_000;

/** Draining a runner waits for its requests, bounded by the supervisor. */
const RETIRE_TIMEOUT_MS = 120_000;

/** The {@link Runtime} of the real platform: the supervisor's runners and the published snapshot. */
export function supervisorRuntime(
  files: ReturnType<typeof paths>,
  supervisor: SupervisorChannel,
  publisher: Publisher,
  events: EventSender,
): Runtime {
  return {
    validate: (record) => supervisor.call("validate", { record }, VALIDATE_TIMEOUT_MS),
    writeLaunchRecord: (record) => writeDurably(files.launchRecord(record.versionId), JSON.stringify(record)),
    async removeLaunchRecords(versionIds) {
      for (const versionId of versionIds) await removeFile(files.launchRecord(versionId));
    },
    prepare: (versionId) =>
      supervisor.call("acquire", { versionId }).then(
        () => {},
        // The first request asks again, and tells its sender what is wrong.
        () => {},
      ),
    // Whoever calls: a change that is stored and not published has an answer of its own.
    publish: () => publish({ platform: { runtime: publisher } }),
    async discardState(stateIds) {
      if (stateIds.length > 0) await supervisor.call("discardState", { stateIds });
    },
    async gate(versionId) {
      const reply = await supervisor.call("acquire", { versionId });
      if ("unavailable" in reply) return { unavailable: reply.message };
      const { gateSocket } = reply.runner;
      return gateSocket ? { socket: gateSocket } : { unavailable: "this version owns no state" };
    },
    deliver: (versionId, event, timeoutMs) => events.deliver(versionId, event, timeoutMs),
    counts: async () => (await supervisor.call("counts", {})).edges,
    async retire(versionIds) {
      if (versionIds.length > 0) await supervisor.call("retire", { versionIds }, RETIRE_TIMEOUT_MS);
    },
  };
}

/**
 * Makes the directory of launch records agree with the database: writes those that are missing,
 * removes those of versions that are no more (deleted scripts, uploads that did not finish).
 */
export async function restoreLaunchRecords(db: Kysely<Database>, files: ReturnType<typeof paths>): Promise<void> {
  const present = new Set(await readdir(files.versions).catch(() => []));
  const versions = await db.selectFrom("versions").select("id").execute();
  for (const { id } of versions) {
    if (present.delete(`${id}.json`)) continue;
    const row = await db.selectFrom("versions").select("record_json").where("id", "=", id).executeTakeFirst();
    if (row) await writeDurably(files.launchRecord(id), row.record_json);
  }
  for (const name of present) await removeFile(`${files.versions}/${name}`);
}
