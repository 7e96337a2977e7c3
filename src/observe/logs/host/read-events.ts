import { quoted } from "../../../products/segments/host/quoted.ts";
import { columns } from "./columns.ts";
import { inTime } from "./conditions.ts";
import { timeOfId } from "./event-id.ts";
import type { Ask, Row } from "./results.ts";

const all = Object.keys(columns).join(", ");

/** Events with these ids, which are in their order, the newest first. */
export async function readEvents(ids: readonly string[], ask: Ask): Promise<Row[]> {
  const [first, last] = [ids[0], ids.at(-1)];
  if (first === undefined || last === undefined) return [];
  const time = inTime({ from: timeOfId(first), to: timeOfId(last) });
  const rows = await ask(
    (from) => `SELECT ${all} FROM ${from} WHERE ${time} AND id IN (${ids.map(quoted).join(", ")})`,
  );
  return rows.sort((a, b) => (String(a.id) < String(b.id) ? 1 : -1));
}
