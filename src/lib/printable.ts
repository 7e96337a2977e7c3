/** What a terminal would obey, but for line breaks, tabs, and the plain colours of {@link colourCodes}. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what it is about.
const OBEYED = /\u001b(?!\[(?:0|2|31|33|36)m)|[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f-\u009f]/g;

export const colourCodes = { dim: 2, red: 31, yellow: 33, cyan: 36 } as const;

/** The text without what a terminal would obey: much of what is printed was written by tenants, or by other servers. */
export function printable(text: string): string {
  return text.replace(OBEYED, "\ufffd");
}
