import { readFileSync } from "node:fs";

/** Our modules that run inside workerd. Plain JavaScript, so that they are passed on as they are. */
type RuntimeModule = "email" | "gate" | "inspect" | "link" | "loader-stub" | "object-proxy" | "object-stub";

const texts = new Map<RuntimeModule, string>();

/** Text of `<name>.worker.js` beside this file. */
export function runtimeText(name: RuntimeModule): string {
  let text = texts.get(name);
  if (text === undefined) {
    text = readFileSync(new URL(`./${name}.worker.js`, import.meta.url), "utf8");
    texts.set(name, text);
  }
  return text;
}
