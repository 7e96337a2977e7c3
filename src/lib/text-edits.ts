/** A part of a text, and what stands there afterwards. */
export interface TextEdit {
  start: number;
  end: number;
  text: string;
}

/** Edits must not overlap; those of one place are made in their order. */
export function applyEdits(text: string, edits: readonly TextEdit[]): string {
  let result = "";
  let at = 0;
  for (const edit of edits.toSorted((a, b) => a.start - b.start || a.end - b.end)) {
    result += text.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  return result + text.slice(at);
}

/** How the text's lines end. */
export function lineEnd(text: string): "\n" | "\r\n" {
  return text.includes("\r\n") ? "\r\n" : "\n";
}
