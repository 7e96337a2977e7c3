import { jsoncValue, parseJsoncTree } from "./jsonc-tree.ts";

/** JSON with comments and trailing commas, as configuration files have it. Throws `SyntaxError`. */
export function parseJsonc(text: string): unknown {
  return jsoncValue(parseJsoncTree(text));
}
