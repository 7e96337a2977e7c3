import { Split, versionKeyHeader, versionOverridesHeader } from "../domain/split.ts";
import type { Binding } from "../domain/version.ts";
import type { Exchange } from "../lib/http/exchange.ts";
import type { Links } from "./links.ts";
import type { Deployments } from "./snapshot.ts";

export const choiceHeaderNames = [versionKeyHeader, versionOverridesHeader];

export interface VersionChoice<State> {
  exchange: Exchange<State>;
  instanceId: string;
  accountId: string;
  /** Those of the calling version: it may ask about scripts that it binds. */
  bindings: Iterable<Binding>;
  /** `/<script>`, encoded. */
  target: string;
  key: string | undefined;
  overrides: string | undefined;
}

/**
 * Answers which socket of the calling runner leads to the version that a request through a service binding asks for
 * (`workers-semantics.md` 3.3); empty: the usual one, which chooses by share.
 */
export class VersionLinks {
  readonly #deployments: Deployments;
  readonly #links: Links;

  constructor(deployments: Deployments, links: Links) {
    this.#deployments = deployments;
    this.#links = links;
  }

  serve<State>(choice: VersionChoice<State>): void {
    const { exchange, instanceId, accountId } = choice;
    const script = scriptOf(choice);
    const shares = script === undefined ? [] : (this.#deployments.find(accountId, script) ?? []);
    const versionId = script === undefined || shares.length < 2 ? undefined : chosen(new Split(shares), script, choice);
    if (script === undefined || versionId === undefined) {
      answer(exchange, "");
      return;
    }
    this.#links.version(instanceId, script, versionId).then(
      (socket) => answer(exchange, socket ?? ""),
      (error: unknown) => {
        console.error("A link to a version could not be opened:", error);
        answer(exchange, "");
      },
    );
  }
}

function scriptOf<State>({ target, bindings }: VersionChoice<State>): string | undefined {
  for (const binding of bindings) {
    if (binding.type === "service" && `/${encodeURIComponent(binding.service)}` === target) return binding.service;
  }
  return undefined;
}

function chosen(
  split: Split,
  script: string,
  { key, overrides }: { key: string | undefined; overrides: string | undefined },
) {
  const asked = overrides === undefined ? undefined : split.overridden(script, overrides);
  return asked ?? (key ? split.of(key) : undefined);
}

function answer<State>(exchange: Exchange<State>, socket: string): void {
  if (exchange.open) exchange.respond(200, "Content-Type: text/plain\r\n", socket);
}
