/** Patterns in which `*` stands for any text, slashes and nothing too. */

/** The pieces of a pattern between its stars. */
export function splitGlob(pattern: string): string[] {
  return pattern.split(/\*+/);
}

/** Head and tail are anchored; each piece between is taken at its first occurrence. Never goes back. */
export function matchesGlob(pieces: string[], text: string): boolean {
  const head = pieces[0] ?? "";
  if (pieces.length === 1) return text === head;
  const tail = pieces.at(-1) ?? "";
  if (text.length < head.length + tail.length || !text.startsWith(head) || !text.endsWith(tail)) return false;
  const end = text.length - tail.length;
  let from = head.length;
  for (let i = 1; i < pieces.length - 1; i++) {
    const piece = pieces[i] ?? "";
    const at = text.indexOf(piece, from);
    if (at < 0 || at + piece.length > end) return false;
    from = at + piece.length;
  }
  return true;
}
