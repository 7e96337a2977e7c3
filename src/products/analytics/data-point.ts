/** A data point as the runtime sends it (`workerd-bindings.md` 4.7), and as a line of a segment. */

/** Texts are lists of bytes; numbers that JSON lacks are texts. What was not given is absent, empty or 0. */
type RuntimePoint = Record<string, unknown>;

export interface DataPoint {
  index: string;
  /** The line up to its sampling interval, which is added when it is known. */
  fields: string;
}

const FIELDS = Array.from({ length: 20 }, (_, n) => n + 1);
const NO_JSON = ["NaN", "Infinity", "-Infinity"];

/** Reads a point. Undefined when it is none. */
export function readPoint(body: Buffer): DataPoint | undefined {
  let point: RuntimePoint | null;
  try {
    point = JSON.parse(body.toString("latin1"));
  } catch {
    return undefined;
  }
  if (point === null) return undefined;
  const seconds = Math.floor(Number(point.timestamp) / 1e9);
  if (!Number.isSafeInteger(seconds) || seconds <= 0) return undefined;
  const index = textOf(point.index1);
  let fields = `{"t":${seconds}`;
  if (index !== "") fields += `,"i":${JSON.stringify(index)}`;
  for (const n of FIELDS) {
    const blob = textOf(point[`blob${n}`]);
    if (blob !== "") fields += `,"b${n}":${JSON.stringify(blob)}`;
    const double = point[`double${n}`];
    if (typeof double === "number" && double !== 0) fields += `,"d${n}":${double}`;
    else if (typeof double === "string" && NO_JSON.includes(double)) fields += `,"d${n}":"${double}"`;
  }
  return { index, fields };
}

/** The point as a line that stands for `interval` points. */
export function lineOf({ fields }: DataPoint, interval: number): string {
  return interval === 1 ? `${fields}}\n` : `${fields},"n":${interval}}\n`;
}

/** Bytes that are no UTF-8 become replacement characters. */
function textOf(bytes: unknown): string {
  return Array.isArray(bytes) && bytes.length > 0 ? Buffer.from(bytes as number[]).toString() : "";
}
