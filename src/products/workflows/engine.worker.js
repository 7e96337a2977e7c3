// @ts-check
/**
 * The engine of a runner's workflows: workerd's own, and what the API needs besides: a list of a workflow's instances,
 * their history in full, and a watch over instances that the end of a process interrupted.
 */
import { WorkflowBinding as BundledBinding, Engine as BundledEngine } from "./bundled.js";
import { historyOf } from "./history.js";
import { InstanceList } from "./instance-list.js";
import { plain, sizeOf } from "./values.js";

/**
 * Name of the object that keeps a workflow's list. It lives among the instances, so that it goes wherever they go; the
 * colon keeps it apart from their ids.
 */
const LIST = "freehold:list";

/** Keys, beside those of the bundled engine: where an instance comes from, and that its process ended in good order. */
const ORIGIN = "freehold";
const INTERRUPTED = "freehold:interrupted";

const FINAL = new Set(["complete", "errored", "terminated"]);

/** Of parameters and of an event's payload (`workers-semantics.md` 16). */
const MAX_VALUE_BYTES = 1024 * 1024;

/** An instance of a workflow, or the list of them. */
export class Engine extends BundledEngine {
  /** Undefined in instances. */
  #list = this.ctx.id.name === LIST ? new InstanceList(this.ctx.storage, (id) => this.#sibling(id)) : undefined;

  /**
   * @param {any} ctx
   * @param {any} env
   */
  constructor(ctx, env) {
    super(ctx, env);
    this.#giveBackAttempts();
  }

  /** An attempt that a deploy or a restart of the platform cut off does not count: it is made again, as if it had not begun. */
  #giveBackAttempts() {
    const { kv } = this.ctx.storage;
    if (!kv.get(INTERRUPTED)) return;
    kv.delete(INTERRUPTED);
    for (const [key, step] of [...kv.list({ prefix: "s:do:" })]) {
      const isCutOff = step.attempts > 0 && !step.done && !step.error && !step.stream && step.retryAt === undefined;
      if (isCutOff) kv.put(key, { ...step, attempts: step.attempts - 1, retryAt: Date.now() });
    }
  }

  /** @param {string} name */
  #sibling(name) {
    return this.env[`workflow:${this.ctx.props.workflowName}`].getByName(name);
  }

  // Calls to an instance.

  /**
   * @param {unknown} params
   * @param {Record<string, unknown>} [options]
   */
  async create(params, { source = "binding", ...retention } = {}) {
    super.create(params, retention);
    this.ctx.storage.kv.put(ORIGIN, { source, version: this.env.VERSION });
    await this.#report();
  }

  async pause() {
    super.pause();
    await this.#report();
  }

  async resume() {
    super.resume();
    await this.#report();
  }

  /** @param {{ rollback?: boolean }} [options] */
  async terminate(options) {
    await super.terminate(options);
    await this.#report();
  }

  /** @param {{ from?: { name: string, count?: number, type?: string } }} [options] */
  async restart(options) {
    super.restart(options);
    const origin = this.ctx.storage.kv.get(ORIGIN);
    this.ctx.storage.kv.put(ORIGIN, { ...origin, version: this.env.VERSION });
    await this.#report();
  }

  /** @param {{ type: string, payload: unknown }} event */
  async sendEvent(event) {
    super.sendEvent(event);
    await this.#report();
  }

  async destroy() {
    await this.#sibling(LIST).forget(this.ctx.id.name);
    // Aborts the object when it is running.
    await super.destroy();
  }

  async alarm() {
    if (this.#list) return this.#list.watch();
    await super.alarm();
    await this.#report();
  }

  /** Runs what should be running, and says how the instance is. Undefined: there is none. */
  refresh() {
    this.exists();
    return this.#entry();
  }

  /** The process is about to end in good order. */
  interrupt() {
    if (this.#entry()) this.ctx.storage.kv.put(INTERRUPTED, true);
  }

  describe() {
    const meta = this.ctx.storage.kv.get("meta");
    if (!meta) return undefined;
    const { source, version } = this.#entry() ?? {};
    const { kv } = this.ctx.storage;
    return {
      status: meta.status,
      params: plain(meta.params),
      trigger: { source },
      versionId: version,
      ...historyOf(kv.list({ prefix: "l:" }), (/** @type {string} */ key) => kv.get(key)),
      success: meta.status === "complete" ? true : FINAL.has(meta.status) ? false : null,
      output: plain(meta.output ?? null),
      error: meta.error ?? null,
    };
  }

  #entry() {
    const { kv } = this.ctx.storage;
    const meta = kv.get("meta");
    if (!meta) return undefined;
    const { source = "unknown", version = "" } = kv.get(ORIGIN) ?? {};
    const last = kv.get(`l:${String(kv.get("logs") ?? 0).padStart(12, "0")}`);
    return {
      id: meta.id,
      created: meta.created,
      modified: last?.timestamp ?? meta.created,
      status: meta.status,
      source,
      version,
    };
  }

  /** A report that fails is made good by the next: nothing but the list depends on it. */
  async #report() {
    const entry = this.#entry();
    const list = this.#sibling(LIST);
    const reported = entry ? list.note(entry, !FINAL.has(entry.status)) : list.forget(this.ctx.id.name);
    await reported.catch(() => {});
  }

  // Calls to the list.

  /**
   * @param {import("./instance-list.worker.js").Entry} entry
   * @param {boolean} isActive
   */
  note(entry, isActive) {
    return this.#list?.note(entry, isActive);
  }

  /** @param {string} id */
  forget(id) {
    this.#list?.forget(id);
  }

  /** @param {import("./instance-list.worker.js").ListQuery} query */
  page(query) {
    return this.#list?.page(query);
  }

  counts() {
    return this.#list?.counts();
  }

  interruptAll() {
    return this.#list?.interrupt();
  }

  /** @param {string | undefined} status */
  unfinished(status) {
    return this.#list?.unfinished(status);
  }
}

/** What bindings call; `ctx.props.workflow` names the workflow. */
export class WorkflowBinding extends BundledBinding {
  /** @param {any} [options] */
  async create(options = {}) {
    checkSize(options.params, "The parameters of the instance");
    return super.create(options);
  }

  /**
   * @param {string} id
   * @param {{ type: string, payload: unknown }} event
   */
  async sendEvent(id, event) {
    checkSize(event?.payload, "The payload of the event");
    return super.sendEvent(id, event);
  }
}

/** What the API calls, through the gate. */
export class Desk extends WorkflowBinding {
  /** @param {string} [name] */
  #object(name = LIST) {
    return this.env[`workflow:${this.ctx.props.workflow}`].getByName(name);
  }

  /** @param {any} query */
  page(query) {
    return this.#object().page(query);
  }

  counts() {
    return this.#object().counts();
  }

  /** @param {string} id */
  describe(id) {
    return this.#object(id).describe();
  }

  /**
   * Ends up to as many instances as one call can; says how many.
   * @param {string} [status] Only those in this status.
   */
  async terminateAll(status) {
    const ids = await this.#object().unfinished(status);
    const ended = await Promise.allSettled(ids.map((/** @type {string} */ id) => this.terminate(id)));
    return { terminated: ended.filter((one) => one.status === "fulfilled").length };
  }

  /** The process is about to end in good order. */
  interrupt() {
    return this.#object().interruptAll();
  }

  /**
   * New limits and retention, for a runner that started with others. The bundled engine reads them at each use.
   * @param {unknown} settings
   */
  configure(settings) {
    this.env.WORKFLOWS[this.ctx.props.workflow] = settings;
  }
}

/**
 * @param {unknown} value
 * @param {string} what
 */
function checkSize(value, what) {
  if (sizeOf(value, MAX_VALUE_BYTES) <= MAX_VALUE_BYTES) return;
  const message = `(instance.value_too_large) ${what} must not be larger than 1 MiB. Store the value elsewhere and pass its key.`;
  throw Object.assign(new Error(message), { name: "WorkflowError" });
}

export default {
  fetch() {
    return new Response("Not Found", { status: 404 });
  },
};
