/** What Pages sends with every file and Workers do not (pages-and-builds.md 17). */
const defaults: [name: string, value: string][] = [
  ["Access-Control-Allow-Origin", "*"],
  ["Referrer-Policy", "strict-origin-when-cross-origin"],
  ["X-Content-Type-Options", "nosniff"],
];

interface Rule {
  url: string;
  /** Lines from the URL's on. */
  lines: string[];
}

/** The text of `_headers` with Pages' defaults: a file's own rules still replace and remove them. */
export function withDefaultHeaders(text: string): string {
  const [before, rules] = rulesOf(text);
  const everywhere = rules.find(({ url }) => url === "/*");
  const added = defaults.filter(([name]) => !everywhere || !names(everywhere, "both").has(name.toLowerCase()));
  if (added.length === 0) return text;
  const lines = added.map(([name, value]) => `  ${name}: ${value}`);
  const all = everywhere
    ? rules.map((rule) => (rule === everywhere ? withLines(rule, lines) : rule))
    : [{ url: "/*", lines: ["/*", ...lines] }, ...rules];
  const result = all.map((rule) => {
    if (rule.url === "/*") return rule;
    const [said, removed] = [names(rule, "set"), names(rule, "removed")];
    // The second rule that sets a name adds to the first one's value, unless it takes that away.
    const again = added.filter(([name]) => said.has(name.toLowerCase()) && !removed.has(name.toLowerCase()));
    return withLines(
      rule,
      again.map(([name]) => `  ! ${name}`),
    );
  });
  const first = before.some((line) => line.trim() !== "") ? before : [];
  return `${[...first, ...result.flatMap((rule) => rule.lines)].join("\n").trimEnd()}\n`;
}

function rulesOf(text: string): [before: string[], rules: Rule[]] {
  const before: string[] = [];
  const rules: Rule[] = [];
  for (const line of text.split(/\r?\n/)) {
    const trimmed = line.trim();
    if (/^(\/|https:\/\/)/.test(trimmed)) rules.push({ url: trimmed, lines: [line] });
    else (rules.at(-1)?.lines ?? before).push(line);
  }
  return [before, rules];
}

function withLines({ url, lines: [first = "", ...rest] }: Rule, more: string[]): Rule {
  return { url, lines: [first, ...more, ...rest] };
}

/** Names in lower case that a rule sets, removes, or either. */
function names({ lines }: Rule, which: "set" | "removed" | "both"): Set<string> {
  const found = lines.slice(1).flatMap((line) => {
    const [, removed, set] = /^\s*(?:! +([^\s:]+)|([^\s:#!][^\s:]*)\s*:)/.exec(line) ?? [];
    return (which === "removed" ? [removed] : which === "set" ? [set] : [removed, set]).filter(
      (name) => name !== undefined,
    );
  });
  return new Set(found.map((name) => name.toLowerCase()));
}
