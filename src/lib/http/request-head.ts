import { CHUNKED } from "./body-reader.ts";
import { CR, LF, SPACE, TARGET, TOKEN } from "./characters.ts";
import { Head, INCOMPLETE, MALFORMED, parseFields, parseLength, TOO_MANY_FIELDS } from "./head.ts";
import { coreId } from "./header-names.ts";
import { MAX_CONNECTION_BYTES } from "./limits.ts";
import { checkTarget, isHost } from "./request-target.ts";

/** A refusal: HTTP status, and why in a few words for the page. */
export interface Refusal {
  status: number;
  reason: string;
}

const keepAliveOption = ["keep-alive"];

const METHODS = ["GET", "POST", "PUT", "HEAD", "DELETE", "PATCH", "OPTIONS"];

/** The head of a request, once {@link parseRequestHead} has returned true. */
export class RequestHead extends Head {
  method = "";
  /** Where the request target begins and ends; for an absolute target the part after the authority. */
  targetStart = 0;
  targetEnd = 0;
  /** The target came with scheme and authority, so that the start line must be written anew. */
  absolute = false;
  /** 0 or 1: the minor version of HTTP/1. */
  minor = 1;
  /** Host and port as sent; empty only for HTTP/1.0. */
  host = "";
  /** Bytes of body, or CHUNKED. 0: none. */
  bodyLength = 0;
  /** The client wants the connection kept. */
  keepAlive = true;
  /** A WebSocket handshake. */
  upgrade = false;
  /** `Expect: 100-continue`. */
  expectContinue = false;
  /** Why it was refused. */
  refusal: Refusal = { status: 400, reason: "" };

  /** Makes it the head of a request of which nothing is known. */
  clear(): void {
    this.method = "";
    this.minor = 1;
    this.bodyLength = 0;
    this.keepAlive = false;
    this.upgrade = false;
    this.expectContinue = false;
  }

  /** Path and query as sent (`/` for an absolute target without one). */
  get target(): string {
    const text = this.bytes.toString("latin1", this.targetStart, this.targetEnd);
    return text === "*" || text.startsWith("/") ? text : `/${text}`;
  }
}

/** What {@link parseRequestHead} found. */
export type ParseResult = "complete" | "incomplete" | "refused";

/**
 * Parses a request head at `bytes[start, end)` into `head`, checking all that decides where the message
 * ends (RFC 9112 section 6.3, stricter where the RFC leaves a choice, so that no two parsers may disagree).
 * `refused` leaves status and reason in `head.refusal`.
 */
export function parseRequestHead(head: RequestHead, bytes: Buffer, start: number, end: number): ParseResult {
  head.bytes = bytes;
  head.clear();
  let at = start;
  // One empty line before a request is forgiven (RFC 9112 section 2.2).
  if (at + 1 < end && bytes[at] === CR && bytes[at + 1] === LF) at += 2;
  else if (at + 1 === end && bytes[at] === CR) return "incomplete";
  head.start = at;
  at = parseRequestLine(head, bytes, at, end);
  if (at === INCOMPLETE) return "incomplete";
  if (at < 0) return "refused";
  at = parseFields(head, bytes, at, end);
  if (at === INCOMPLETE) return "incomplete";
  if (at === TOO_MANY_FIELDS) return refuse(head, 431, "The request has too many headers.");
  if (at < 0) return refuse(head, 400, "A header of the request is malformed.");
  head.end = at;
  return checkFields(head);
}

function refuse(head: RequestHead, status: number, reason: string): "refused" {
  head.refusal = { status, reason };
  return "refused";
}

/** Returns the offset after the line, INCOMPLETE, or MALFORMED when refused. */
function parseRequestLine(head: RequestHead, bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && TOKEN[bytes[at] as number] !== 0) at++;
  if (at >= end) return at - start > 32 ? bad(head) : INCOMPLETE;
  if (bytes[at] !== SPACE || at === start || at - start > 32) return bad(head);
  head.method = methodAt(bytes, start, at);

  head.targetStart = ++at;
  while (at < end && TARGET[bytes[at] as number] === 1) at++;
  if (at >= end) return INCOMPLETE;
  if (bytes[at] !== SPACE || at === head.targetStart) return bad(head);
  head.targetEnd = at++;

  // "HTTP/d.d" and CRLF.
  if (at + 10 > end) return bytes.subarray(at, end).includes(LF) ? bad(head) : INCOMPLETE;
  const major = (bytes[at + 5] as number) - 0x30;
  const minor = (bytes[at + 7] as number) - 0x30;
  if (
    bytes[at] !== 0x48 ||
    bytes[at + 1] !== 0x54 ||
    bytes[at + 2] !== 0x54 ||
    bytes[at + 3] !== 0x50 ||
    bytes[at + 4] !== 0x2f ||
    bytes[at + 6] !== 0x2e ||
    bytes[at + 8] !== CR ||
    bytes[at + 9] !== LF ||
    major < 0 ||
    major > 9 ||
    minor < 0 ||
    minor > 9
  )
    return bad(head);
  if (major !== 1 || minor > 1) {
    refuse(head, 505, "Only HTTP/1.1 is spoken here.");
    return MALFORMED;
  }
  head.minor = minor;
  return at + 10;
}

function bad(head: RequestHead): number {
  refuse(head, 400, "The request line is malformed.");
  return MALFORMED;
}

function methodAt(bytes: Buffer, start: number, end: number): string {
  for (const method of METHODS) {
    if (method.length !== end - start) continue;
    let index = 0;
    while (index < method.length && bytes[start + index] === method.charCodeAt(index)) index++;
    if (index === method.length) return method;
  }
  return bytes.toString("latin1", start, end);
}

function checkFields(head: RequestHead): ParseResult {
  head.keepAlive = head.minor === 1;
  head.absolute = false;
  head.nominated = undefined;
  head.host = "";
  let hosts = 0;
  let lengths = 0;
  let codings = 0;
  let connectionBytes = 0;
  let upgrade = -1;
  let expect = -1;
  for (let index = 0; index < head.count; index++) {
    switch (head.ids[index]) {
      case coreId.host:
        if (hosts++ > 0) return refuse(head, 400, "The request has more than one Host header.");
        if (!isHost(head.bytes, head.valueStarts[index] as number, head.valueEnds[index] as number))
          return refuse(head, 400, "The Host header is not a valid host.");
        head.host = head.value(index);
        break;
      case coreId["content-length"]:
        if (lengths++ > 0) return refuse(head, 400, "The request has more than one Content-Length header.");
        head.bodyLength = parseLength(head.bytes, head.valueStarts[index] as number, head.valueEnds[index] as number);
        if (head.bodyLength < 0) return refuse(head, 400, "The Content-Length header is not a valid length.");
        break;
      case coreId["transfer-encoding"]:
        if (codings++ > 0 || !head.valueIs(index, "chunked"))
          return refuse(head, 400, "The only transfer coding taken is a single chunked.");
        break;
      case coreId.connection:
        connectionBytes += 1 + (head.valueEnds[index] as number) - (head.valueStarts[index] as number);
        if (connectionBytes > MAX_CONNECTION_BYTES) return refuse(head, 431, "The Connection header is too long.");
        break;
      case coreId.upgrade:
        upgrade = index;
        break;
      case coreId.expect:
        expect = index;
        break;
    }
  }
  if (codings > 0) {
    if (lengths > 0) return refuse(head, 400, "Content-Length and Transfer-Encoding exclude each other.");
    if (head.minor === 0) return refuse(head, 400, "HTTP/1.0 has no transfer codings.");
    head.bodyLength = CHUNKED;
  }
  if (hosts === 0 && head.minor === 1) return refuse(head, 400, "The request has no Host header.");
  if (expect >= 0 && head.minor === 1) {
    if (!head.valueIs(expect, "100-continue")) return refuse(head, 417, "The expectation is not known.");
    head.expectContinue = head.bodyLength !== 0;
  }
  const upgradeAsked = connectionBytes > 0 && readConnection(head);
  if (nominatesEssential(head))
    return refuse(head, 400, "The Connection header names a header that must reach the server.");
  head.upgrade =
    upgradeAsked &&
    upgrade >= 0 &&
    head.minor === 1 &&
    head.method === "GET" &&
    head.bodyLength === 0 &&
    head.valueIs(upgrade, "websocket");
  if (head.method === "CONNECT" || head.method === "TRACE") return refuse(head, 405, "The method is not served.");
  const fault = checkTarget(head);
  return fault === undefined ? "complete" : refuse(head, 400, fault);
}

/** Headers whose loss would change where the message goes or ends. */
function nominatesEssential(head: RequestHead): boolean {
  const { nominated } = head;
  if (nominated === undefined) return false;
  return nominated.has("host") || nominated.has("content-length") || nominated.has("transfer-encoding");
}

/** Reads every Connection header; true when `upgrade` is among the options. */
function readConnection(head: RequestHead): boolean {
  let upgrade = false;
  let close = false;
  let keep = false;
  for (let index = head.indexOf(coreId.connection); index >= 0; index = head.indexOf(coreId.connection, index + 1)) {
    // What most browsers send, without a list to take apart.
    const options = head.valueIs(index, "keep-alive") ? keepAliveOption : head.tokens(index);
    for (const option of options) {
      if (option === "close") close = true;
      else if (option === "keep-alive") keep = true;
      else if (option === "upgrade") upgrade = true;
      else {
        head.nominated ??= new Set();
        head.nominated.add(option);
      }
    }
  }
  head.keepAlive = !close && (keep || head.minor === 1);
  return upgrade;
}
