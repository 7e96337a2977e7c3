import { readFileSync } from "node:fs";
import type { WorkerModule } from "./config.ts";

/** Our modules that run inside workerd. Plain JavaScript, so that they are passed on as they are. */
type RuntimeModule =
  | "email"
  | "events"
  | "gate"
  | "inspect"
  | "link"
  | "loader-stub"
  | "object-proxy"
  | "object-stub"
  | "outbound"
  | "rpc-names"
  | "tail"
  | "tail-handler";

/** What several of them import from `./rpc-names.js`. */
export const rpcNames = (): WorkerModule => ({ name: "rpc-names.js", esModule: runtimeText("rpc-names") });

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
