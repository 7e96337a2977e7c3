import { type Dirent, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { paths } from "../../domain/paths.ts";
import { draftsPath } from "../../products/assets/content-path.ts";
import { COLLECT_LOCK } from "../../products/kv/collect-lock.ts";
import { CONTENTS } from "../../products/r2/buckets.ts";
import { INCOMING } from "../../products/r2/directory-contents.ts";

/** A data directory's files, as paths relative to it, in the order in which a consistent copy takes them. */
export interface DataFiles {
  /** Large and immutable, so that nothing of what changes has to wait for them. */
  contents(): Generator<string>;
  /** Directories of D1 databases, each to be copied as a whole. */
  databases(): Generator<string>;
  /** The files of one of them. */
  ofDatabase(directory: string): Generator<string>;
  /** Directories of Durable Objects or of a workflow's instances: of a namespace each. */
  namespaces(): Generator<string>;
  /** The files of one of them, the one with its alarms ({@link ALARMS}) last. */
  ofNamespace(directory: string): Generator<string>;
  /** Data points and logs, which are packed while they are copied: what stands for a file that is gone is there when it is. */
  dataPoints(): Generator<string>;
  /** All others but the platform's database. */
  rest(): Generator<string>;
  /** The platform's database. */
  readonly database: string;
  /** Directory of KV namespaces. */
  readonly kv: string;
  /** Directory of R2 buckets. */
  readonly r2: string;
}

/** The runtime's file of a namespace's alarms (`supervisor/alarms.ts`). */
export const ALARMS = "metadata.sqlite";

const STATE_ID = /^[0-9a-f]{32}$/;

/**
 * Everything under a data directory but what the next start makes anew (snapshots, caches, sockets, process ids, locks) and
 * files that are being written. What is not known is taken: better too much than too little.
 */
export function dataFiles(dataDir: string): DataFiles {
  const files = paths({ dataDir, runDir: join(dataDir, "run") });
  const relative = (path: string) => path.slice(dataDir.length + 1);
  const contents = [files.blobs, files.assets, join(files.r2, CONTENTS)].map(relative);
  const database = relative(files.database);
  const [state, previewState] = [files.state, files.previewState].map(relative) as [string, string];
  const d1 = dirname(relative(files.databases("account")));
  const left = new Set([
    relative(files.routes),
    relative(files.homes),
    relative(files.accessKeys),
    relative(files.queueRecords),
    relative(files.observed),
    relative(files.publication),
    relative(files.logpushJobs),
    relative(files.lock),
    "cache",
    "run",
    relative(draftsPath(files.assets)),
    relative(join(files.kv, COLLECT_LOCK)),
    relative(join(files.r2, COLLECT_LOCK)),
    relative(join(files.r2, CONTENTS, INCOMING)),
    database,
  ]);
  const isLeft = (path: string) => left.has(path) || isTransient(path);
  const isUnit = (path: string) => {
    const [root, ...below] = path.split("/");
    if (root === d1) return below.length === 2;
    // Beside a namespace are its lock and, while it is being removed, what is left of it.
    return (root === state && below.length === 1) || (root === previewState && below.length === 2);
  };
  const namespacesIn = (path: string) =>
    directories(join(dataDir, path))
      .filter((name) => STATE_ID.test(name))
      .map((name) => `${path}/${name}`);

  function* walk(path: string): Generator<string> {
    for (const entry of sorted(join(dataDir, path))) {
      const below = path === "" ? entry.name : `${path}/${entry.name}`;
      if (isLeft(below) || isUnit(below) || contents.includes(below)) continue;
      // Operators put whole folders on other disks, by a link at the top.
      const found = path === "" && entry.isSymbolicLink() ? statSync(join(dataDir, below)) : entry;
      if (found.isDirectory()) yield* walk(below);
      else if (found.isFile()) yield below;
    }
  }

  return {
    database,
    kv: relative(files.kv),
    r2: relative(files.r2),
    *contents() {
      for (const path of contents) yield* walk(path);
    },
    *databases() {
      for (const account of directories(join(dataDir, d1))) {
        for (const id of directories(join(dataDir, d1, account))) yield `${d1}/${account}/${id}`;
      }
    },
    *ofDatabase(directory) {
      for (const entry of sorted(join(dataDir, directory), true)) {
        const path = join(entry.parentPath, entry.name);
        if (entry.isFile() && !isMadeAnew(entry.name)) yield relative(path);
      }
    },
    *namespaces() {
      yield* namespacesIn(state);
      for (const version of directories(join(dataDir, previewState))) yield* namespacesIn(`${previewState}/${version}`);
    },
    *ofNamespace(directory) {
      const names = sorted(join(dataDir, directory)).filter((entry) => entry.isFile() && !isTransient(entry.name));
      for (const { name } of names) if (name !== ALARMS) yield `${directory}/${name}`;
      if (names.some(({ name }) => name === ALARMS)) yield `${directory}/${ALARMS}`;
    },
    *dataPoints() {
      for (const root of [files.analyticsRoot, files.logsRoot]) yield* walk(relative(root));
    },
    rest: () => walk(""),
  };
}

/** Sidecars of SQLite files, whose content comes with the file; files that somebody writes; what processes leave. */
function isTransient(path: string): boolean {
  return /(-wal|-shm|-journal|\.tmp|\.pid)$/.test(path) || /^(before-restore|restoring)-/.test(path);
}

/** Of a D1 database; its log is content (`products/d1/host/history.js` keeps all logs, one after the other). */
function isMadeAnew(name: string): boolean {
  return /(-shm|-journal|\.tmp|\.tmp-wal)$/.test(name) || name === "lock";
}

function directories(path: string): string[] {
  return sorted(path)
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}

function sorted(directory: string, recursive = false): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true, recursive }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    // Removed meanwhile.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
