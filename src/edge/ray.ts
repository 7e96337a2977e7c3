import { randomBytes } from "node:crypto";

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Multiplication by an odd number permutes the 32-bit integers, so a counter becomes distinct scattered ids. */
const SCATTER = 0x9e3779b1;

/** Where a request was served, in the original an airport; part of every ray id and of `request.cf`. */
export const colo = "FRH";

let prefix = "";
let counter = 0;

/** A request's id as it stands in `CF-Ray`: 16 hexadecimal digits and the place. Unique, not secret. */
export function nextRay(): string {
  if (counter === 0) prefix = randomBytes(4).toString("hex");
  const bits = Math.imul(counter, SCATTER);
  counter = (counter + 1) | 0;
  return `${prefix}${HEX[bits >>> 24]}${HEX[(bits >>> 16) & 255]}${HEX[(bits >>> 8) & 255]}${HEX[bits & 255]}-${colo}`;
}
