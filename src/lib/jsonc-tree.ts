/** JSON with comments and trailing commas as a tree that knows where each part stands. */

export type JsoncNode = { start: number; end: number } & (
  | { kind: "scalar"; value: string | number | boolean | null }
  | { kind: "array"; items: JsoncNode[] }
  | { kind: "object"; members: JsoncMember[] }
);

export interface JsoncMember {
  key: string;
  /** Where the key begins. */
  start: number;
  value: JsoncNode;
}

const TRIVIA = /(?:\s|\uFEFF|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y;
const STRING = /"(?:[^"\\\r\n]|\\.)*"/y;
const WORD = /-?[\w.+-]+/y;
/** Nobody writes deeper; bounds the stack. */
const MAX_DEPTH = 200;

/** Throws `SyntaxError` with the line. */
export function parseJsoncTree(text: string): JsoncNode {
  let at = 0;
  const fail = (what: string): never => {
    const line = text.slice(0, at).split("\n").length;
    throw new SyntaxError(at >= text.length ? "it ends too early" : `line ${line}: ${what}`);
  };
  const match = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0] ?? "";
    at += found.length;
    return found;
  };
  /** Skips to the next part, and over it if it is this one. */
  const take = (sign: string): boolean => {
    match(TRIVIA);
    if (text[at] !== sign) return false;
    at++;
    return true;
  };
  const scalar = (): string | number | boolean | null => {
    const part = text[at] === '"' ? match(STRING) : match(WORD);
    try {
      return JSON.parse(part) as string;
    } catch {
      at -= part.length;
      return fail(`${JSON.stringify(part || text[at] || "")} is no value`);
    }
  };
  const list = (close: string, element: () => void): void => {
    while (!take(close)) {
      element();
      if (!take(",") && text[at] !== close) fail(`a comma or ${close} is missing`);
    }
  };
  const node = (depth: number): JsoncNode => {
    if (depth > MAX_DEPTH) fail("it is nested too deeply");
    match(TRIVIA);
    const start = at;
    if (take("{")) {
      const members: JsoncMember[] = [];
      list("}", () => {
        const keyStart = at;
        if (text[at] !== '"') fail("a name in quotes is missing");
        const key = String(scalar());
        if (!take(":")) fail("a colon is missing");
        members.push({ key, start: keyStart, value: node(depth + 1) });
      });
      return { kind: "object", members, start, end: at };
    }
    if (take("[")) {
      const items: JsoncNode[] = [];
      list("]", () => items.push(node(depth + 1)));
      return { kind: "array", items, start, end: at };
    }
    return { kind: "scalar", value: scalar(), start, end: at };
  };
  const root = node(0);
  match(TRIVIA);
  if (at < text.length) fail("something follows the end");
  return root;
}

export function jsoncValue(node: JsoncNode): unknown {
  if (node.kind === "scalar") return node.value;
  if (node.kind === "array") return node.items.map(jsoncValue);
  return Object.fromEntries(node.members.map(({ key, value }) => [key, jsoncValue(value)]));
}
