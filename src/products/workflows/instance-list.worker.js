// @ts-check
/**
 * The list of a workflow's instances, which the bundled engine does not have. Instances report when something happens to
 * them; those whose code may run meanwhile ("active") are asked, from time to time and when a status is wanted.
 */

/**
 * @typedef {{ id: string, created: number, modified: number, status: string, source: string, version: string }} Entry
 * Times in milliseconds.
 * @typedef {object} ListQuery
 * @property {number} limit
 * @property {string} [status]
 * @property {number} [from] Created at or after.
 * @property {number} [to] Created at or before.
 * @property {boolean} [oldestFirst]
 * @property {[created: number, id: string]} [after] Last entry of the page before.
 * @property {number} [offset] Entries to pass over.
 */

/**
 * How often instances that run code are looked at. The bundled engine runs one again that its process's end interrupted, but
 * by itself only after up to ten minutes, or the time-out of the step. It is an alarm, so that it survives the process; and
 * less than the time within which an alarm keeps a home from being stopped for idleness (`ALARM_SOON_MS` of the supervisor).
 */
const WATCH_MS = 4_000;

/** Instances that one look takes in, and how many at once. */
const MAX_REFRESHED = 2_000;
const REFRESHED_AT_ONCE = 32;

/** Instances that one call ends. */
const MAX_TERMINATED = 1_000;

const IS_FINAL = "status IN ('complete', 'errored', 'terminated')";
const RUNS_CODE = new Set(["queued", "running", "waitingForPause", "rollingBack"]);

export class InstanceList {
  #storage;
  #instance;
  /** Instances that were asked and have not reported since: what they report is newer than what they answer. */
  #asked = new Set();

  /**
   * @param {any} storage
   * @param {(id: string) => { refresh(): Promise<Entry | undefined>, interrupt(): Promise<void> }} instance
   */
  constructor(storage, instance) {
    this.#storage = storage;
    this.#instance = instance;
    storage.sql.exec(`
      CREATE TABLE IF NOT EXISTS instances (
        id TEXT PRIMARY KEY, created INTEGER NOT NULL, modified INTEGER NOT NULL, status TEXT NOT NULL,
        source TEXT NOT NULL, version TEXT NOT NULL, active INTEGER NOT NULL
      ) WITHOUT ROWID;
      CREATE INDEX IF NOT EXISTS instances_by_age ON instances (created, id);
      CREATE INDEX IF NOT EXISTS instances_by_status ON instances (status, created, id);
      CREATE INDEX IF NOT EXISTS active_instances ON instances (created) WHERE active = 1;
    `);
  }

  /**
   * @param {Entry} entry
   * @param {boolean} isActive Whether code of it may be running.
   */
  async note(entry, isActive) {
    this.#asked.delete(entry.id);
    this.#put(entry, isActive);
    if (isActive && (await this.#storage.getAlarm()) === null) this.#storage.setAlarm(Date.now() + WATCH_MS);
  }

  /** @param {string} id */
  forget(id) {
    this.#asked.delete(id);
    this.#storage.sql.exec("DELETE FROM instances WHERE id = ?", id);
  }

  /** Runs instances again that were interrupted, and goes on watching while any runs code. */
  async watch() {
    await this.#refreshActive();
    if (this.#ids("active = 1", 1).length > 0) this.#storage.setAlarm(Date.now() + WATCH_MS);
  }

  /** Tells instances that may run code that their process is about to end in good order. */
  async interrupt() {
    await Promise.allSettled(this.#ids("active = 1").map((id) => this.#instance(id).interrupt()));
  }

  /** @param {ListQuery} query */
  async page(query) {
    if (query.status !== undefined) await this.#refreshActive();
    let rows = this.#rows(query);
    const active = rows.filter((row) => row.active === 1);
    if (query.status === undefined && active.length > 0) {
      await this.#refresh(active.map(({ id }) => id));
      rows = this.#rows(query);
    }
    const { where, values } = conditions({ ...query, after: undefined });
    const [{ total }] = this.#storage.sql
      .exec(`SELECT count(*) AS total FROM instances WHERE ${where}`, ...values)
      .toArray();
    return { rows: rows.slice(0, query.limit), hasMore: rows.length > query.limit, total };
  }

  /** How many instances are in each status. */
  async counts() {
    await this.#refreshActive();
    const rows = this.#storage.sql.exec("SELECT status, count(*) AS count FROM instances GROUP BY status").toArray();
    return Object.fromEntries(
      rows.map((/** @type {{ status: string, count: number }} */ { status, count }) => [status, count]),
    );
  }

  /**
   * Ids of instances that have not ended.
   * @param {string} [status] Only those in this one.
   */
  async unfinished(status) {
    await this.#refreshActive();
    if (status === undefined) return this.#ids(`NOT ${IS_FINAL}`, MAX_TERMINATED);
    return this.#ids(`NOT ${IS_FINAL} AND status = ?`, MAX_TERMINATED, status);
  }

  /** Whoever sleeps, waits or has ended reports before that changes. */
  #refreshActive() {
    return this.#refresh(this.#ids("active = 1"));
  }

  /** @param {string[]} ids */
  async #refresh(ids) {
    const rest = ids.values();
    const worker = async () => {
      for (const id of rest) {
        this.#asked.add(id);
        // One that fails is as it was.
        const entry = await this.#instance(id)
          .refresh()
          .catch(() => null);
        if (!this.#asked.delete(id)) continue;
        if (entry) this.#put(entry, RUNS_CODE.has(entry.status));
        else if (entry === undefined) this.forget(id);
      }
    };
    await Promise.all(Array.from({ length: REFRESHED_AT_ONCE }, worker));
  }

  /**
   * @param {Entry} entry
   * @param {boolean} isActive
   */
  #put({ id, created, modified, status, source, version }, isActive) {
    this.#storage.sql.exec(
      "INSERT OR REPLACE INTO instances VALUES (?, ?, ?, ?, ?, ?, ?)",
      ...[id, created, modified, status, source, version, isActive ? 1 : 0],
    );
  }

  /**
   * @param {ListQuery} query
   * @returns {(Entry & { active: 0 | 1 })[]} One more than the limit when there are more.
   */
  #rows(query) {
    const { where, values } = conditions(query);
    const order = query.oldestFirst ? "created, id" : "created DESC, id DESC";
    return this.#storage.sql
      .exec(
        `SELECT id, created, modified, status, source, version, active FROM instances WHERE ${where} ORDER BY ${order} LIMIT ? OFFSET ?`,
        ...values,
        query.limit + 1,
        query.offset ?? 0,
      )
      .toArray();
  }

  /**
   * @param {string} where
   * @param {unknown[]} values
   * @returns {string[]}
   */
  #ids(where, limit = MAX_REFRESHED, ...values) {
    return this.#storage.sql
      .exec(`SELECT id FROM instances WHERE ${where} ORDER BY created LIMIT ?`, ...values, limit)
      .toArray()
      .map((/** @type {{ id: string }} */ { id }) => id);
  }
}

/** @param {Omit<ListQuery, "limit">} query */
function conditions({ status, from, to, oldestFirst, after }) {
  const parts = ["1"];
  /** @type {unknown[]} */
  const values = [];
  /**
   * @param {string} part
   * @param {unknown[]} more
   */
  const add = (part, ...more) => {
    parts.push(part);
    values.push(...more);
  };
  if (status !== undefined) add("status = ?", status);
  if (from !== undefined) add("created >= ?", from);
  if (to !== undefined) add("created <= ?", to);
  if (after) add(`(created, id) ${oldestFirst ? ">" : "<"} (?, ?)`, ...after);
  return { where: parts.join(" AND "), values };
}
