// @ts-check
/** Names that more than one of our modules inside the runtime must know. */

/**
 * Properties that the runtime reads from every entrypoint and object, whatever it is called for (measured). No object has
 * methods of these names.
 */
export const PROBED = new Set([
  "tail",
  "trace",
  "tailStream",
  "scheduled",
  "alarm",
  "test",
  "webSocketMessage",
  "webSocketClose",
  "webSocketError",
  "self",
]);

/** Message of the error by which a gate refuses a call before anything of it was done: the home is moving. */
export const MOVED = "freehold: the home of this object is moving";
