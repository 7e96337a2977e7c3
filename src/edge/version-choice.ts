import { randomUUID } from "node:crypto";
import { type Split, versionKeyHeader, versionOverridesHeader } from "../domain/split.ts";
import { equalsIgnoringCase } from "../lib/http/characters.ts";
import type { RequestHead } from "../lib/http/request-head.ts";
import type { Client } from "./client.ts";
import { cookieOf, FOR_ONE_VISITOR, setCookie } from "./cookies.ts";
import { headerNames } from "./headers.ts";
import { edgeLimits } from "./limits.ts";
import type { WorkerTarget } from "./target.ts";

/** The cookie of the affinity rule `cookie`: a random key, which says nothing about version or visitor. */
export const AFFINITY_COOKIE = "freehold_affinity";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const keyId = headerNames.id(versionKeyHeader);
const overridesId = headerNames.id(versionOverridesHeader);

/**
 * The version of a split that serves a request: the one it asks for, else the one its key belongs to, else one by chance
 * (`workers-semantics.md` 3.3). The key is the request's own, or what the script's affinity rule finds.
 */
export function chooseVersionFor(target: WorkerTarget, split: Split, head: RequestHead, client: Client): string {
  const overrides = allValues(head, overridesId);
  const asked = overrides === undefined ? undefined : split.overridden(target.script.name, overrides);
  if (asked !== undefined) return asked;
  const key = head.get(keyId) || ruleKey(target, head, client);
  return key ? split.of(key) : split.at(Math.random());
}

function ruleKey({ script: { affinity } }: WorkerTarget, head: RequestHead, client: Client): string | undefined {
  if (affinity === undefined) return undefined;
  if (affinity === "ip") return client.address;
  if (affinity === "cookie") return cookieKey(head, client);
  return headerValue(head, affinity.slice("header:".length));
}

/** The visitor's key, or a new one, which the answer brings home. */
function cookieKey(head: RequestHead, client: Client): string {
  const present = cookieOf(head, AFFINITY_COOKIE);
  if (present !== undefined && UUID.test(present)) return present;
  const key = randomUUID();
  client.answerFields += setCookie(AFFINITY_COOKIE, key, edgeLimits.affinitySeconds, client.scheme) + FOR_ONE_VISITOR;
  return key;
}

/** The values of all fields of a name, as one list (RFC 9110 section 5.3). */
function allValues(head: RequestHead, id: number): string | undefined {
  const first = head.indexOf(id);
  if (first < 0) return undefined;
  let text = head.value(first);
  for (let index = head.indexOf(id, first + 1); index >= 0; index = head.indexOf(id, index + 1))
    text += `, ${head.value(index)}`;
  return text;
}

/** Of a header that the table of names does not know. `name` is in lower case. */
function headerValue(head: RequestHead, name: string): string | undefined {
  for (let index = 0; index < head.count; index++) {
    const start = head.lineStarts[index] as number;
    if (equalsIgnoringCase(head.bytes, start, head.nameEnds[index] as number, name)) return head.value(index);
  }
  return undefined;
}
