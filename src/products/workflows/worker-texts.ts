import { readFileSync } from "node:fs";

/** Modules of this folder that run inside workerd. Plain JavaScript, so that they are passed on as they are. */
type WorkerText = "engine" | "instance-list" | "history" | "values" | "gate-part" | "link";

const texts = new Map<WorkerText, string>();

/** Text of `<name>.worker.js` beside this file. */
export function workerText(name: WorkerText): string {
  let text = texts.get(name);
  if (text === undefined) {
    text = readFileSync(new URL(`./${name}.worker.js`, import.meta.url), "utf8");
    texts.set(name, text);
  }
  return text;
}
