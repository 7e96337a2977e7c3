/** Character classes of RFC 9110 as tables indexed by byte. */

export const TAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SPACE = 0x20;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;

function table(values: (byte: number) => number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => values(byte));
}

const isAlphanumeric = (byte: number) =>
  (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);

const isIn = (characters: string) => (byte: number) => byte < 0x80 && characters.includes(String.fromCharCode(byte));

const isTokenMark = isIn("!#$%&'*+-.^_`|~");
const isHostMark = isIn("-._");

/** The byte in lower case when it may stand in a token (field name, method), else 0. */
export const TOKEN = table((byte) => {
  if (!isAlphanumeric(byte) && !isTokenMark(byte)) return 0;
  return byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
});

/** 1 for what a field value may hold: visible ASCII, obs-text, space and tab. */
export const VALUE = table((byte) => Number(byte === TAB || (byte >= SPACE && byte !== 0x7f)));

/** 1 for what a request target may hold: visible ASCII but `#`, and raw UTF-8, which browsers of old send. */
export const TARGET = table((byte) => Number(byte > SPACE && byte !== 0x7f && byte !== 0x23));

/** 1 for the letters of a host name (not of an IPv6 literal). */
export const HOST = table((byte) => Number(isAlphanumeric(byte) || isHostMark(byte)));

/** Value of a hexadecimal digit plus 1, else 0. */
export const HEX = table((byte) => {
  const digit = Number.parseInt(String.fromCharCode(byte), 16);
  return Number.isNaN(digit) ? 0 : digit + 1;
});

/** Whether `bytes` holds `text` (lower case) at `start`, ignoring case, and ends there. */
export function equalsIgnoringCase(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let index = 0; index < text.length; index++) {
    let byte = bytes[start + index] as number;
    if (byte >= 0x41 && byte <= 0x5a) byte += 0x20;
    if (byte !== text.charCodeAt(index)) return false;
  }
  return true;
}
