import { type PageText, pages } from "../../src/edge/error-catalogue.ts";
import { markdownTable } from "./markdown.ts";

const introduction = `# Error pages

<!-- Made from the catalogue by \`npm run docs\`; change \`src/edge/error-catalogue.ts\`, not this file. -->

What the platform answers itself when a Worker cannot. Browsers get HTML, clients that accept JSON get JSON
(\`{ "error": { "code", "status", "title", "explanation", "remedy", "ray", "time" } }\`), others get text. Every page has the ray id that
\`CF-Ray\` names too; none says anything about the inside. Codes from 1000 on equal the original's where it has them.
`;

/** `docs/reference/errors.md`, from the edge's catalogue. */
export function errorsPage(): string {
  const rows = Object.values<PageText>(pages)
    .toSorted((a, b) => b.code - a.code)
    .map(({ code, status, title, explanation, remedy }) => [`${code}`, `${status}`, title, explanation, remedy]);
  return `${introduction}\n${markdownTable(["code", "status", "title", "why", "what to do"], rows)}\n`;
}
