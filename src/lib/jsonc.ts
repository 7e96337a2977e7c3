/** JSON with comments and trailing commas, as configuration files have it. Throws `SyntaxError`. */
export function parseJsonc(text: string): unknown {
  // Strings first, so that what looks like a comment in them stays.
  const plain = text.replace(/"(?:[^"\\\n]|\\.)*"|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (part) =>
    part.startsWith('"') ? part : " ",
  );
  return JSON.parse(
    plain.replace(/"(?:[^"\\\n]|\\.)*"|,(?=\s*[}\]])/g, (part) => (part === "," ? "" : part)),
  ) as unknown;
}
