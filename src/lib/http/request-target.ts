import { HEX, HOST } from "./characters.ts";
import { MAX_HOST_BYTES } from "./limits.ts";

const SLASH = 0x2f;
const ASTERISK = 0x2a;
const COLON = 0x3a;

/** The part of a request head that the target decides. */
interface Targeted {
  readonly bytes: Buffer;
  readonly method: string;
  host: string;
  absolute: boolean;
  targetStart: number;
  readonly targetEnd: number;
}

/**
 * Checks the request target, and takes host and path out of an absolute one, which must agree with the
 * Host header (RFC 9112 section 3.2). Returns what is wrong, or undefined.
 */
export function checkTarget(head: Targeted): string | undefined {
  const { bytes, targetStart, targetEnd } = head;
  const first = bytes[targetStart];
  if (first === SLASH) return undefined;
  if (first === ASTERISK && targetEnd - targetStart === 1 && head.method === "OPTIONS") return undefined;
  const match = /^https?:\/\/([^/?]+)/i.exec(bytes.toString("latin1", targetStart, targetEnd));
  const host = match?.[1];
  if (!match || host === undefined) return "The request target is not a path.";
  const hostStart = targetStart + match[0].length - host.length;
  if (!isHost(bytes, hostStart, hostStart + host.length)) return "The request target is not a valid URL.";
  if (head.host !== "" && head.host.toLowerCase() !== host.toLowerCase()) {
    return "The request target and the Host header disagree.";
  }
  head.host = host;
  head.absolute = true;
  head.targetStart += match[0].length;
  return undefined;
}

/** Whether `bytes[start, end)` is `name`, `name:port`, `[v6]` or `[v6]:port`. */
export function isHost(bytes: Uint8Array, start: number, end: number): boolean {
  // What remembers hosts relies on their being short.
  if (end - start > MAX_HOST_BYTES) return false;
  let at = start;
  if (bytes[at] === 0x5b) {
    at++;
    while (at < end && isAddressByte(bytes[at] as number)) at++;
    if (at >= end || bytes[at++] !== 0x5d) return false;
  } else {
    while (at < end && HOST[bytes[at] as number] === 1) at++;
  }
  if (at === start) return false;
  if (at === end) return true;
  if (bytes[at++] !== COLON || end - at > 5) return false;
  let port = 0;
  for (; at < end; at++) {
    const digit = (bytes[at] as number) - 0x30;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
  }
  return port <= 65_535;
}

/** What an IPv6 literal is made of, a dotted tail included. */
function isAddressByte(byte: number): boolean {
  return HEX[byte] !== 0 || byte === COLON || byte === 0x2e;
}
