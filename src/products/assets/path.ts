/** Request paths: as the URL standard normalises them, as rules match them, as the manifest names them. */

export interface Target {
  /** Normalised, percent-encoded path; starts with `/`. Rules match this form. */
  path: string;
  /** Empty, or `?` and the query as it was sent. */
  query: string;
}

/** Characters that the URL standard leaves alone in a path. A dot after a slash may begin a dot segment. */
const PLAIN_PATH = /^\/[\w\-.~!$&'()*+,;=:@%[\]|/]*$/;
/** The same for queries. */
const PLAIN_QUERY = /^[!$%&(-;=?-~]*$/;
const ENCODED_DOT = /%2e/i;

/**
 * Splits and normalises the target of an origin-form request (`/path?query`): dot segments resolved, backslashes
 * made slashes, other characters percent-encoded. Undefined when it is no URL.
 * Servers hand over a target with one character a byte: bytes beyond ASCII are read as UTF-8.
 * Use it on the target before routing, so that `/blog/../secret` cannot pass for a path under `/blog`.
 */
export function parseTarget(target: string): Target | undefined {
  const question = target.indexOf("?");
  const raw = question < 0 ? target : target.slice(0, question);
  const query = question < 0 || question === target.length - 1 ? "" : target.slice(question);
  if ((raw === "/" || isPlain(raw)) && PLAIN_QUERY.test(query)) return { path: raw, query };
  // Prefixed as text, so that `//host` stays a path.
  const url = URL.parse(`http://x${isBytes(target) ? Buffer.from(target, "latin1").toString() : target}`);
  return url?.host === "x" ? { path: url.pathname, query: url.search } : undefined;
}

/** Text of single bytes, some beyond ASCII. */
function isBytes(text: string): boolean {
  return /[\u0080-\u00ff]/.test(text) && !/[\u0100-\uffff]/.test(text);
}

/** Whether normalising would change nothing; false when in doubt. */
function isPlain(path: string): boolean {
  return PLAIN_PATH.test(path) && !path.includes("/.") && !ENCODED_DOT.test(path);
}

/** Decodes each segment (invalid escapes stay as they are) and collapses runs of slashes. */
export function decodePath(path: string): string {
  const decoded = path.includes("%") ? path.split("/").map(decodeSegment).join("/") : path;
  return decoded.includes("//") ? decoded.replace(/\/+/g, "/") : decoded;
}

/** The canonical request path of a decoded one. */
export function encodePath(path: string): string {
  return CANONICAL.test(path) ? path : path.split("/").map(encodeSegment).join("/");
}

const CANONICAL = /^[\w\-.!~*'()/]*$/;

function decodeSegment(segment: string): string {
  if (!segment.includes("%")) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function encodeSegment(segment: string): string {
  return encodeURIComponent(segment.toWellFormed());
}

/** Whether `path` is `prefix` or below it. `prefix` has no slash at its end; empty means everything. */
export function isUnder(path: string, prefix: string): boolean {
  return (
    prefix === "" ||
    (path.startsWith(prefix) && (path.length === prefix.length || path.charCodeAt(prefix.length) === 47))
  );
}

/**
 * A path of a rule as requests will have it: percent-encoded, dot segments resolved, query and fragment dropped.
 * `*` and `:name` stay.
 */
export function normaliseRulePath(path: string): string | undefined {
  const url = URL.parse(`http://x${path.startsWith("/") ? "" : "/"}${path}`);
  return url?.host === "x" ? url.pathname : undefined;
}
