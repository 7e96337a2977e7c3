/** The text with the character at that place made another: a digit that serves as well in hexadecimal and in Base64. For tests only. */
export function spoil(text: string, at = 0): string {
  const other = text[at] === "0" ? "1" : "0";
  return `${text.slice(0, at)}${other}${text.slice(at + 1)}`;
}
