import { readFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";

/** One measured number beside its baseline and goal. */
export interface Figure {
  what: string;
  value: number;
  unit: string;
  /** The same measure of something known, taken in the same run. */
  baseline?: string;
  /** Largest value that meets the goal. Without one the figure is for information. */
  goal?: number;
}

export interface Bench {
  name: string;
  /** What is measured, and under which conditions. */
  conditions: string;
  run(): Promise<Figure[]>;
}

export function verdict(figure: Figure): string {
  if (figure.goal === undefined) return "";
  return figure.value <= figure.goal ? "met" : "MISSED";
}

/** The figures as lines of a table. */
export function table(figures: Figure[]): string[] {
  const rows = [
    ["", "value", "goal", "", "baseline in the same run"],
    ...figures.map((figure) => [
      figure.what,
      `${round(figure.value)} ${figure.unit}`,
      figure.goal === undefined ? "" : `≤ ${figure.goal} ${figure.unit}`,
      verdict(figure),
      figure.baseline ?? "",
    ]),
  ];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd());
}

/** Three digits that matter. */
export function round(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** The machine, for the head of the report. */
export function machine(): string {
  const [load = "?"] = readFileSync("/proc/loadavg", "utf8").split(" ");
  return `${cpus()[0]?.model ?? "unknown CPU"}, ${availableParallelism()} cores, load ${load} at the start, Node ${process.version}`;
}

/** The smallest Worker that shows which release answers. */
export function answering(text: string): string {
  return `export default { fetch() { return new Response(${JSON.stringify(text)}); } };\n`;
}

/** A bundle of about `bytes` of program text, as applications have: many small functions, some run at start-up. */
export function bundle(bytes: number, answer: string): string {
  const parts: string[] = [];
  let size = 0;
  for (let index = 0; size < bytes; index++) {
    const part =
      `function handler${index}(input, options = {}) {\n` +
      `  const list = Array.isArray(input) ? input : [input, ${index}, "item ${index}"];\n` +
      `  return list.map((one) => ({ ...options, one, id: ${index}, label: \`label-\${one}-${index}\` })).filter((one) => one.id % 2 === 0);\n` +
      `}\nexports_.set("handler${index}", handler${index});\n`;
    parts.push(part);
    size += part.length;
  }
  return `const exports_ = new Map();\n${parts.join("")}\nexport default { fetch() { return new Response(${JSON.stringify(answer)} + exports_.size); } };\n`;
}
