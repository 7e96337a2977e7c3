const HOST_NAME = /^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;
const MAX_CHARS = 253;

/**
 * A host name as requests spell it: lower case, labels in ASCII (`bücher` is `xn--bcher-kva`), no dot at the end.
 * Undefined when the text is none, or is an address.
 */
export function hostName(text: string): string | undefined {
  const bare = text.endsWith(".") ? text.slice(0, -1) : text;
  const ascii = /^[\x21-\x7e]*$/.test(bare) ? bare.toLowerCase() : inAscii(bare);
  if (ascii === undefined || ascii.length > MAX_CHARS || !HOST_NAME.test(ascii)) return undefined;
  return /(^|\.)\d+$/.test(ascii) ? undefined : ascii;
}

function inAscii(text: string): string | undefined {
  return /[\s/@:?#\\*]/.test(text) ? undefined : URL.parse(`http://${text}`)?.hostname;
}

/** Whether the name is the domain's own or one below it. */
export function isWithin(name: string, domain: string): boolean {
  return name === domain || name.endsWith(`.${domain}`);
}
