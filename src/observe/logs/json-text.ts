/** Half a character, as JSON has it: a backslash that is not itself escaped, and a surrogate. */
const LONE_SURROGATE = /(?<=(?<!\\)(?:\\\\)*)\\ud[89a-f][0-9a-f]{2}/g;

/** The value in JSON that the engine can read: it takes no halves of characters, which code may log. */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value);
  return text.includes("\\ud") ? text.replace(LONE_SURROGATE, "\ufffd") : text;
}
