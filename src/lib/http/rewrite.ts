import type { Socket } from "node:net";
import type { Head } from "./head.ts";
import { coreId, type HeaderNames } from "./header-names.ts";
import type { RequestHead } from "./request-head.ts";
import type { ResponseHead } from "./response-head.ts";

/** Names that concern one connection only (RFC 9110 section 7.6.1); framing is the engine's. */
export const hopByHop = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "upgrade",
] as const;

/** Ids not to pass on in a request: hop-by-hop and `names`. `transfer-encoding` stays, as it was found to be `chunked`. */
export function droppedInRequest(headerNames: HeaderNames, names: readonly string[]): Uint8Array {
  return headerNames.set([...hopByHop, ...names]);
}

/** Ids not to pass on in a response: hop-by-hop and `names`. The engine writes the framing again. */
export function droppedInResponse(headerNames: HeaderNames, names: readonly string[]): Uint8Array {
  return headerNames.set([...hopByHop, "transfer-encoding", ...names]);
}

/** Start line and fields of a request for the next hop, without `dropped` ones and without the empty line. */
export function requestText(head: RequestHead, dropped: Uint8Array): string {
  let text: string;
  if (head.minor === 1 && !head.absolute) text = keptText(head, head.start, dropped, 0);
  else {
    text = `${head.method} ${head.target} HTTP/1.1\r\nHost: ${head.host}\r\n`;
    text += keptText(head, head.lineStarts[0] as number, dropped, coreId.host);
  }
  return head.upgrade ? `${text}Connection: Upgrade\r\nUpgrade: websocket\r\n` : text;
}

/** Status line and fields of a response for the client, without `dropped` ones and without the empty line. */
export function responseText(head: ResponseHead, dropped: Uint8Array): string {
  if (head.minor === 1) return keptText(head, head.start, dropped, 0);
  const line = head.bytes.toString("latin1", head.start + 8, head.lineStarts[0]);
  return `HTTP/1.1${line}${keptText(head, head.lineStarts[0] as number, dropped, 0)}`;
}

/** The bytes from `from` through the last field, in as few slices as the dropped fields allow. */
function keptText(head: Head, from: number, dropped: Uint8Array, alsoDropped: number): string {
  const { bytes, ids, lineStarts, count } = head;
  let text = "";
  let runStart = from;
  for (let index = 0; index < count; index++) {
    const id = ids[index] as number;
    if (dropped[id] === 0 && (id !== alsoDropped || id === 0) && !isNominated(head, index)) continue;
    const lineStart = lineStarts[index] as number;
    if (lineStart > runStart) text += bytes.toString("latin1", runStart, lineStart);
    runStart = lineStarts[index + 1] as number;
  }
  const end = lineStarts[count] as number;
  return end > runStart ? text + bytes.toString("latin1", runStart, end) : text;
}

function isNominated(head: Head, index: number): boolean {
  if (head.nominated === undefined) return false;
  const name = head.bytes.toString("latin1", head.lineStarts[index], head.nameEnds[index]);
  return head.nominated.has(name.toLowerCase());
}

/** Longest body part that is joined to a head as text: Node writes such strings from the stack. */
const MAX_JOINED_TEXT_BYTES = 12 * 1024;

/** Writes a head and the first part of its body at once. Returns what `write` does: false asks for a pause. */
export function writeTogether(
  socket: Pick<Socket, "write">,
  head: string,
  bytes: Buffer,
  start: number,
  end: number,
): boolean {
  if (end === start) return socket.write(head, "latin1");
  if (end - start <= MAX_JOINED_TEXT_BYTES) return socket.write(head + bytes.toString("latin1", start, end), "latin1");
  const joined = Buffer.allocUnsafe(head.length + end - start);
  joined.write(head, "latin1");
  bytes.copy(joined, head.length, start, end);
  return socket.write(joined);
}
