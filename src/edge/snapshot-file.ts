import { readFile } from "node:fs/promises";
import type { RoutingSnapshot } from "../domain/routing.ts";

const empty: RoutingSnapshot = { generation: 0, accounts: [], scripts: [] };

/** The last routing snapshot that control wrote; an empty one when it has never written any. */
export async function readSnapshot(path: string): Promise<RoutingSnapshot> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return empty;
    throw error;
  }
  return JSON.parse(text) as RoutingSnapshot;
}
