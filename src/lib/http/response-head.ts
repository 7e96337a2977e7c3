import { CHUNKED, UNTIL_CLOSE } from "./body-reader.ts";
import { CR, LF, SPACE, VALUE } from "./characters.ts";
import { Head, INCOMPLETE, MALFORMED, parseFields, parseLength } from "./head.ts";
import { coreId } from "./header-names.ts";

/** The head of a response, once {@link parseResponseHead} has returned its end. */
export class ResponseHead extends Head {
  status = 0;
  minor = 1;
  /** Bytes of body, or CHUNKED, or UNTIL_CLOSE. */
  bodyLength = 0;
  /** The server keeps the connection. */
  keepAlive = true;
}

/**
 * Parses a response head at `bytes[start, end)` into `head`. `toHead`: the request was a HEAD.
 * Returns the offset after the head, INCOMPLETE or MALFORMED (see `head.ts`).
 */
export function parseResponseHead(
  head: ResponseHead,
  bytes: Buffer,
  start: number,
  end: number,
  toHead: boolean,
): number {
  head.bytes = bytes;
  head.start = start;
  let at = parseStatusLine(head, bytes, start, end);
  if (at >= 0) at = parseFields(head, bytes, at, end);
  if (at < 0) return at;
  head.end = at;
  return checkFields(head, toHead) ? at : MALFORMED;
}

const PROTOCOL = "HTTP/1.";
/** The shortest status line: "HTTP/1.d ddd" and CRLF. */
const MIN_LINE_BYTES = 14;

/** "HTTP/1.d ddd", perhaps " reason", CRLF. */
function parseStatusLine(head: ResponseHead, bytes: Buffer, start: number, end: number): number {
  for (let index = 0; index < PROTOCOL.length && start + index < end; index++) {
    if (bytes[start + index] !== PROTOCOL.charCodeAt(index)) return MALFORMED;
  }
  if (start + MIN_LINE_BYTES > end) return INCOMPLETE;
  const minor = digit(bytes, start + 7);
  const hundreds = digit(bytes, start + 9);
  const tens = digit(bytes, start + 10);
  const ones = digit(bytes, start + 11);
  if ((minor !== 0 && minor !== 1) || bytes[start + 8] !== SPACE) return MALFORMED;
  if (hundreds < 1 || tens < 0 || ones < 0) return MALFORMED;
  let at = start + 12;
  if (bytes[at] !== SPACE && bytes[at] !== CR) return MALFORMED;
  while (at < end && VALUE[bytes[at] as number] === 1) at++;
  if (at + 1 >= end) return INCOMPLETE;
  if (bytes[at] !== CR || bytes[at + 1] !== LF) return MALFORMED;
  head.minor = minor;
  head.status = hundreds * 100 + tens * 10 + ones;
  return at + 2;
}

/** The decimal digit at an offset, or -1. */
function digit(bytes: Buffer, at: number): number {
  const value = (bytes[at] as number) - 0x30;
  return value >= 0 && value <= 9 ? value : -1;
}

/** Decides where the body ends (RFC 9112 section 6.3); false when the head contradicts itself. */
function checkFields(head: ResponseHead, toHead: boolean): boolean {
  let length = UNTIL_CLOSE;
  let chunked = false;
  head.keepAlive = head.minor === 1;
  head.nominated = undefined;
  for (let index = 0; index < head.count; index++) {
    switch (head.ids[index]) {
      case coreId["content-length"]: {
        const value = parseLength(head.bytes, head.valueStarts[index] as number, head.valueEnds[index] as number);
        if (value < 0 || (length !== UNTIL_CLOSE && length !== value)) return false;
        length = value;
        break;
      }
      case coreId["transfer-encoding"]:
        if (chunked || !head.valueIs(index, "chunked")) return false;
        chunked = true;
        break;
      case coreId.connection:
        readConnection(head, index);
        break;
    }
  }
  if (chunked && length !== UNTIL_CLOSE) return false;
  const { status } = head;
  if (toHead || status < 200 || status === 204 || status === 304) head.bodyLength = 0;
  else head.bodyLength = chunked ? CHUNKED : length;
  return true;
}

function readConnection(head: ResponseHead, index: number): void {
  for (const option of head.tokens(index)) {
    if (option === "close") head.keepAlive = false;
    else if (option === "keep-alive") head.keepAlive = true;
    else if (option !== "upgrade") {
      head.nominated ??= new Set();
      head.nominated.add(option);
    }
  }
}
