// @ts-check
/** Stands for objects that must not be reached: the namespace has its usual shape, and no object does anything. */
import { DurableObject } from "cloudflare:workers";

export class Stub extends DurableObject {
  fetch() {
    throw new Error("The Durable Object cannot be reached: this version of the Worker does not export its class.");
  }
}
