import { unavailable } from "./errors.ts";

/**
 * What uploads may say in the original but not here yet: a field of the metadata, when it asks for something
 * at all, and the words of the refusal. Whoever adds the feature removes its line.
 */
const unavailableMetadata: { field: string; asks(value: unknown): boolean; what: string }[] = [
  { field: "containers", asks: notEmpty, what: "Containers (containers) are" },
  { field: "cache_options", asks: enabled, what: "The cache in front of a Worker (cache_options) is" },
  {
    field: "streaming_tail_consumers",
    asks: notEmpty,
    what: "Streaming tail consumers (streaming_tail_consumers) are",
  },
  { field: "capnp_schema", asks: given, what: "Schemas for logs (capnp_schema) are" },
];

/** Refuses metadata that asks for something which is not there yet. Nothing is dropped silently. */
export function refuseUnavailable(metadata: Record<string, unknown>): void {
  for (const { field, asks, what } of unavailableMetadata) {
    if (asks(metadata[field])) throw unavailable(what);
  }
}

function given(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function notEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length > 0;
}

function enabled(value: unknown): boolean {
  return typeof value === "object" && value !== null && "enabled" in value && value.enabled === true;
}
