/** A line of a comparison: in both texts, in the old one only, in the new one only. */
export type DiffLine = { kind: "same" | "removed" | "added"; line: string };

/** Lines of two short texts side by side, by their longest common sequence. Time and memory grow with the product of their lengths. */
export function lineDiff(before: string[], after: string[]): DiffLine[] {
  const width = after.length + 1;
  /** Length of the longest common sequence of what follows. */
  const common = new Uint32Array((before.length + 1) * width);
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      const at = i * width + j;
      common[at] =
        before[i] === after[j]
          ? (common[at + width + 1] ?? 0) + 1
          : Math.max(common[at + width] ?? 0, common[at + 1] ?? 0);
    }
  }
  const lines: DiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < before.length || j < after.length) {
    const [old, fresh] = [before[i], after[j]];
    if (old !== undefined && old === fresh) {
      lines.push({ kind: "same", line: old });
      i++;
      j++;
    } else if (
      old !== undefined &&
      (fresh === undefined || (common[(i + 1) * width + j] ?? 0) >= (common[i * width + j + 1] ?? 0))
    ) {
      lines.push({ kind: "removed", line: old });
      i++;
    } else {
      lines.push({ kind: "added", line: fresh ?? "" });
      j++;
    }
  }
  return lines;
}
