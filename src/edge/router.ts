import { createHash } from "node:crypto";
import type { EdgeCaller } from "../domain/messages.ts";
import { PAGES_LABEL, type RoutedScript, type RoutingSnapshot } from "../domain/routing.ts";
import { isStorage } from "../domain/storage-host.ts";
import { Domains } from "./domains.ts";
import { edgeLimits } from "./limits.ts";
import { deployedTarget, type HostTarget, NamedPreviews, none, previewTarget, type Target } from "./target.ts";

const api: HostTarget = { kind: "api" };
const storage: HostTarget = { kind: "storage" };

/**
 * Tables made of one routing snapshot. Immutable but for a memory of answers: a new snapshot makes a new router.
 * `domain` is the base domain in lower case.
 */
export class Router {
  readonly generation: number;
  readonly #domain: string;
  /** Scripts by `<name>.<subdomain>`. */
  readonly #scripts = new Map<string, RoutedScript>();
  /** Labels below the base domain whose names are the platform's own. */
  readonly #subdomains: ReadonlySet<string>;
  readonly #domains: Domains;
  readonly #previews: NamedPreviews;
  /** Scripts of Pages projects, by label. */
  readonly #projects = new Map<string, RoutedScript>();
  readonly #answers = new Map<string, Target>();
  /** Scripts of remote development by the hash of their session's token. */
  readonly #sessions = new Map<string, RoutedScript>();

  constructor(domain: string, snapshot: RoutingSnapshot) {
    this.#domain = domain;
    this.generation = snapshot.generation;
    this.#previews = new NamedPreviews(snapshot.scripts);
    this.#domains = new Domains(snapshot, this.#previews);
    const subdomains = new Map(snapshot.accounts.map((account) => [account.id, account.subdomain]));
    for (const script of snapshot.scripts) {
      if (script.pagesLabel !== undefined) {
        this.#projects.set(script.pagesLabel, script);
        continue;
      }
      const subdomain = subdomains.get(script.accountId);
      if (subdomain !== undefined) this.#scripts.set(`${script.name}.${subdomain}`.toLowerCase(), script);
    }
    this.#subdomains = new Set([...subdomains.values(), PAGES_LABEL]);
    const byName = new Map(snapshot.scripts.map((script) => [`${script.accountId}/${script.name}`, script]));
    for (const { tokenHash, accountId, scriptName } of snapshot.sessions ?? []) {
      const script = byName.get(`${accountId}/${scriptName}`);
      if (script) this.#sessions.set(tokenHash, script);
    }
  }

  /** Where requests go that show the token of a session of remote development; `none`: the session is over. */
  resolveSession(token: string, host: string): Target {
    const script = this.#sessions.get(createHash("sha256").update(token).digest("hex"));
    return script ? deployedTarget(script, normalise(host)) : none;
  }

  /** The target of a Host header, port included or not. */
  resolve(host: string): Target {
    const known = this.#answers.get(host);
    if (known !== undefined) return known;
    const target = this.#find(normalise(host));
    if (this.#answers.size >= edgeLimits.rememberedHosts) this.#answers.clear();
    this.#answers.set(host, target);
    return target;
  }

  /**
   * Where a Worker's own request goes: to its account's names as from outside, but in zones of its own past all routes, to what
   * is behind them (workers-semantics.md 1.1). Undefined: the host is none of the account's.
   */
  resolveFrom({ accountId, script }: EdgeCaller, host: string): Target | undefined {
    const target = this.resolve(host);
    if (ownerOf(target) !== accountId) return undefined;
    const name = normalise(host);
    return this.#domains.sharesZone(accountId, script, name) ? this.#domains.origin(name) : target;
  }

  #find(name: string): Target {
    if (name === this.#domain || name === "localhost" || isAddress(name)) return api;
    if (!name.endsWith(`.${this.#domain}`)) return this.#domains.find(name);
    const labels = name.slice(0, -this.#domain.length - 1).split(".");
    if (isStorage(labels)) return storage;
    const subdomain = labels.at(-1) ?? "";
    if (!this.#subdomains.has(subdomain)) return this.#domains.find(name);
    if (subdomain === PAGES_LABEL) return this.#findPages(labels.slice(0, -1), name);
    const [label] = labels;
    if (!label || labels.length !== 2) return none;
    const script = this.#scripts.get(`${label}.${subdomain}`);
    if (!script) return this.#findPreview(label, subdomain, name);
    return script.enabled ? deployedTarget(script, name) : none;
  }

  /** `<project>`, or `<short id>.<project>` and `<alias>.<project>`. */
  #findPages(labels: string[], hostname: string): Target {
    const script = this.#projects.get(labels.at(-1) ?? "");
    if (!script || labels.length > 2) return none;
    return labels.length === 1
      ? deployedTarget(script, hostname)
      : previewTarget(script, labels[0] ?? "", hostname, this.#previews);
  }

  /** `<prefix>-<script>`, where both may hold dashes: every dash is tried against the tables. */
  #findPreview(label: string, subdomain: string, hostname: string): Target {
    for (let dash = label.indexOf("-"); dash > 0; dash = label.indexOf("-", dash + 1)) {
      const script = this.#scripts.get(`${label.slice(dash + 1)}.${subdomain}`);
      if (!script?.previewsEnabled) continue;
      const target = previewTarget(script, label.slice(0, dash), hostname, this.#previews);
      if (target.kind !== "none") return target;
    }
    return none;
  }
}

/** Undefined: the platform's own, or nobody's. */
function ownerOf(target: Target): string | undefined {
  if (target.kind === "worker") return target.script.accountId;
  return target.kind === "paths" || target.kind === "storage" ? target.accountId : undefined;
}

/** Lower case, without port and without the dot of a fully qualified name. */
function normalise(host: string): string {
  const name = host.toLowerCase();
  if (name.startsWith("[")) return name.slice(0, name.indexOf("]") + 1);
  const colon = name.indexOf(":");
  const bare = colon < 0 ? name : name.slice(0, colon);
  return bare.endsWith(".") ? bare.slice(0, -1) : bare;
}

function isAddress(name: string): boolean {
  return name.startsWith("[") || /^\d{1,3}(\.\d{1,3}){3}$/.test(name);
}
