import type { Kysely } from "kysely";
import type { Home } from "../domain/homes.ts";
import { type Skip, soundRows } from "../domain/publication.ts";
import type { RoutedScript, Share } from "../domain/routing.ts";
import type { LaunchRecord, ObjectClass, WorkflowClass } from "../domain/version.ts";
import { classesByScript } from "../products/durable-objects/registry.ts";
import { workflowsByScript } from "../products/workflows/registry.ts";
import type { Database } from "../store/schema.ts";
import { exportsClass, exportsWorkflow } from "../workers/exported-classes.ts";
import { hasCode, ownsState } from "../workers/versions.ts";

type Db = Kysely<Database>;

/** What of a version decides whether and of what it can be a home. It never changes. */
interface VersionFacts extends Pick<LaunchRecord, "exports"> {
  hasCode: boolean;
  ownsState: boolean;
}

/** Versions that one query asks for. */
const BATCH = 500;

/** Reads from the database which version is the home of which state. */
export class HomeTaker {
  /** Of the deployed versions of the last snapshot. Null: it has nothing to do with state. */
  #facts = new Map<string, VersionFacts | null>();

  /** The homes of the scripts, which are given by their ids. Run in the snapshot's transaction. */
  async take(tx: Db, scripts: Map<string, RoutedScript>, skip: Skip): Promise<Home[]> {
    const classes = await classesByScript(tx);
    const workflows = await workflowsByScript(tx);
    const hasState = (id: string) => classes.has(id) || workflows.has(id);
    await this.#learn(tx, scripts, hasState, skip);
    const sharing = classes.size + workflows.size > 0 ? await scriptsWhosePreviewsShare(tx) : new Set<string>();
    const homes: Home[] = [];
    for (const [id, script] of scripts) {
      const versionId = largestShare(script.shares)?.versionId;
      const facts = versionId === undefined ? undefined : this.#facts.get(versionId);
      if (versionId === undefined || !facts?.hasCode) continue;
      // A version whose classes another script took over is deployed all the same, and no preview with data of its own.
      const isHome = hasState(id) || script.shares.some((share) => this.#facts.get(share.versionId)?.ownsState);
      if (!isHome) continue;
      const guests = script.shares.map((share) => share.versionId).filter((guest) => guest !== versionId);
      const previews = sharing.has(id)
        ? script.versions.filter((one) => one !== versionId && !guests.includes(one))
        : [];
      homes.push({
        accountId: script.accountId,
        scriptName: script.name,
        versionId,
        guests: [...guests, ...previews],
        ...runnable(facts, { classes: classes.get(id) ?? [], workflows: workflows.get(id) ?? [] }),
      });
    }
    return homes;
  }

  /** Reads what is not known of deployed versions; forgets those that are no longer deployed. */
  async #learn(
    tx: Db,
    scripts: Map<string, RoutedScript>,
    hasState: (scriptId: string) => boolean,
    skip: Skip,
  ): Promise<void> {
    const facts = new Map<string, VersionFacts | null>();
    const unknown: string[] = [];
    for (const [id, { shares }] of scripts) {
      for (const { versionId } of shares) {
        const known = this.#facts.get(versionId);
        // A script may be given a class without a new version.
        if (known === undefined || (known === null && hasState(id))) unknown.push(versionId);
        facts.set(versionId, known ?? null);
      }
    }
    for (let start = 0; start < unknown.length; start += BATCH) {
      for (const [id, found] of await versionFacts(tx, unknown.slice(start, start + BATCH), skip)) facts.set(id, found);
    }
    this.#facts = facts;
  }
}

/** Of equal shares the first. */
function largestShare(shares: Share[]): Share | undefined {
  return shares.reduce<Share | undefined>(
    (largest, share) => (largest && largest.percentage >= share.percentage ? largest : share),
    undefined,
  );
}

/** The runtime does not start with a class that the code lacks, as after a transfer to code that is older than it. */
function runnable({ exports }: VersionFacts, own: { classes: ObjectClass[]; workflows: WorkflowClass[] }) {
  return {
    classes: own.classes.filter(({ className }) => exportsClass(exports, className)),
    workflows: own.workflows.filter(({ className }) => exportsWorkflow(exports, className)),
  };
}

/** Facts of those of the versions that have to do with state. */
async function versionFacts(tx: Db, ids: string[], skip: Skip): Promise<Map<string, VersionFacts>> {
  const rows = await tx
    .selectFrom("versions")
    .select(["id", "record_json"])
    .where("id", "in", ids)
    .where(({ or, eb, exists, selectFrom }) =>
      or([
        eb("record_json", "like", '%"objects":[{%'),
        eb("record_json", "like", '%"workflows":[{%'),
        exists(selectFrom("object_namespaces").select("id").whereRef("script_id", "=", "versions.script_id")),
        exists(selectFrom("workflows").select("id").whereRef("script_id", "=", "versions.script_id")),
      ]),
    )
    .execute();
  const factsOf = ({ id, record_json }: { id: string; record_json: string }): [string, VersionFacts] => {
    const record = JSON.parse(record_json) as LaunchRecord;
    return [id, { exports: record.exports ?? [], hasCode: hasCode(record), ownsState: ownsState(record) }];
  };
  return new Map(soundRows(rows, factsOf, ({ id }) => `version ${id}, as the home of state`, skip));
}

/** Scripts whose versions see the state of the deployed one although they are not deployed. */
async function scriptsWhosePreviewsShare(tx: Db): Promise<Set<string>> {
  const rows = await tx
    .selectFrom("scripts")
    .select(["id", "settings_json"])
    .where("settings_json", "like", '%"preview_state":"production"%')
    .execute();
  return new Set(rows.map(({ id }) => id));
}
