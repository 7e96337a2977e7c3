/**
 * What the runtime does to requests that it reports, for those that it cannot report any more (source:
 * workers-semantics.md, Tail Workers): values that may be secrets read `REDACTED`.
 */
const REDACTED = "REDACTED";
const SECRET_NAMES = /^(set-)?cookie$|auth|key|secret|token|jwt/;

/** `name` in lower case. */
export function redactedValue(name: string, value: string): string {
  return SECRET_NAMES.test(name) ? REDACTED : value;
}

/** Parts of an address that look like ids are taken out. */
export function redactedUrl(url: string): string {
  return url.replace(/[A-Za-z0-9+_-]{21,}/g, (part) => (looksLikeId(part) ? REDACTED : part));
}

function looksLikeId(part: string): boolean {
  const count = (characters: RegExp) => part.match(characters)?.length ?? 0;
  const hexDigits = count(/[0-9a-fA-F]/g);
  const isHex = hexDigits >= 32 && hexDigits + count(/[+_-]/g) === part.length;
  return isHex || (count(/[A-Z]/g) >= 2 && count(/[a-z]/g) >= 2 && count(/[0-9]/g) >= 2);
}
