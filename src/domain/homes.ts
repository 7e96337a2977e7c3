/**
 * Homes: where state with exactly one owner lives. The Durable Objects and workflow instances of a script run in one
 * process, the runner of its deployment's largest share; everyone else reaches them there.
 * Control writes all homes to `homes.json`, just before the routing snapshot of the same generation.
 */
import type { LaunchRecord, ObjectClass, WorkflowClass } from "./version.ts";

export interface HomesSnapshot {
  /** That of the routing snapshot it was taken with. */
  generation: number;
  homes: Home[];
}

/** The home of one script's state. Scripts that have neither classes nor workflows, or no deployment, have none. */
export interface Home {
  accountId: string;
  scriptName: string;
  /** Version whose runner owns the state: the largest share, of equal ones the first. */
  versionId: string;
  /** The deployment's other versions. */
  guests: string[];
  classes: ObjectClass[];
  workflows: WorkflowClass[];
}

/** What a version's runner owns of its script's state. */
export type Placement =
  /** It has no state of its own, or another version owns it. */
  | { kind: "none" }
  /** It owns the script's state. */
  | { kind: "home"; classes: ObjectClass[]; workflows: WorkflowClass[] }
  /** A version that is not deployed owns data of its own, which no other version sees. */
  | { kind: "preview"; classes: ObjectClass[]; workflows: WorkflowClass[] };

/** Looks homes up by version, by namespace and by workflow. Immutable: a new snapshot makes a new one. */
export class Homes {
  readonly generation: number;
  readonly all: readonly Home[];
  readonly #byVersion = new Map<string, Home>();
  readonly #guests = new Set<string>();
  readonly #byState = new Map<string, Home>();

  constructor({ generation, homes }: HomesSnapshot = { generation: 0, homes: [] }) {
    this.generation = generation;
    this.all = homes;
    for (const home of homes) {
      this.#byVersion.set(home.versionId, home);
      for (const guest of home.guests) this.#guests.add(guest);
      for (const { namespaceId } of home.classes) this.#byState.set(namespaceId, home);
      for (const { workflowId } of home.workflows) this.#byState.set(workflowId, home);
    }
  }

  /** The home that owns the namespace or workflow of this id. */
  ownerOf(stateId: string): Home | undefined {
    return this.#byState.get(stateId);
  }

  placementOf(record: Pick<LaunchRecord, "versionId" | "objects" | "workflows">): Placement {
    const home = this.#byVersion.get(record.versionId);
    if (home) return { kind: "home", classes: home.classes, workflows: home.workflows };
    const { objects = [], workflows = [] } = record;
    if (this.#guests.has(record.versionId) || (objects.length === 0 && workflows.length === 0)) return { kind: "none" };
    return { kind: "preview", classes: objects, workflows };
  }
}
