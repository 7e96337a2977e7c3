import type { Binding } from "../domain/version.ts";
import { analyticsEngine } from "./analytics/binding.ts";
import { assets } from "./assets/binding.ts";
import { d1 } from "./d1/binding.ts";
import { durableObjectNamespace } from "./durable-objects/binding.ts";
import { images } from "./images/binding.ts";
import type { AnyBindingKind } from "./kind.ts";
import { kv } from "./kv/binding.ts";
import { queue } from "./queues/binding.ts";
import { r2 } from "./r2/binding.ts";
import { rateLimit } from "./rate-limiting/binding.ts";
import { secretsStoreSecret } from "./secrets-store/binding.ts";
import { service } from "./service/binding.ts";
import { json, parts, plainText, secretText } from "./variables/binding.ts";
import { versionMetadata } from "./version-metadata/binding.ts";
import { workerLoader } from "./worker-loader/binding.ts";
import { workflow } from "./workflows/binding.ts";

/** Every kind of binding. A new product adds its line here. */
const kinds: AnyBindingKind[] = [
  plainText,
  json,
  secretText,
  parts,
  versionMetadata,
  service,
  workerLoader,
  assets,
  durableObjectNamespace,
  d1,
  kv,
  queue,
  r2,
  workflow,
  rateLimit,
  secretsStoreSecret,
  analyticsEngine,
  images,
];

const byType = new Map<string, AnyBindingKind>(
  kinds.flatMap((kind) => kind.types.map((type) => [type, kind] as const)),
);

export function kindOfType(type: string): AnyBindingKind | undefined {
  return byType.get(type);
}

/** The kind of a stored binding. Throws on one that a newer Freehold has stored. */
export function kindOf(binding: Binding): AnyBindingKind {
  const kind = byType.get(binding.type);
  if (!kind)
    throw new Error(
      `binding "${binding.name}" has type "${binding.type}", which this version of Freehold does not know`,
    );
  return kind;
}
