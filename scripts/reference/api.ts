import { allRoutes } from "../../src/control/routes.ts";
import { Tokens } from "../../src/control/tokens.ts";
import { markdownTable } from "./markdown.ts";

const introduction = `# The API

<!-- Made from the route tables by \`npm run docs\`; change the routes, not this file. -->

Everything is below \`/client/v4\` on the platform's port, compatible with what \`wrangler\` and the \`cloudflare\` SDK call. The same
list with the schemas of the bodies is at \`GET /client/v4/openapi.json\`.

* **Credentials**: \`Authorization: Bearer <token>\`. Tokens have a scope: \`admin\` includes \`edit\`, which includes \`read\`.
  \`freehold token\` makes and revokes them.
* **Envelope**: \`{ "success", "result", "errors": [{ "code", "message" }], "messages", "result_info"? }\`, except where the client
  expects a file or a form.
* **Paging**: \`page\` (from 1) and \`per_page\`; \`result_info\` says how many there are.
* **Codes** equal the original's where clients read them.
`;

/** `docs/reference/api.md`, from the route tables. */
export function apiPage(): string {
  const routes = allRoutes(new Tokens(undefined as never));
  const sections = [...Map.groupBy(routes, ({ path }) => group(path))].map(([title, rows]) => {
    const cells = rows.map(({ method, path, scope, summary }) => [method, `\`${path}\``, scope, summary]);
    return `## ${title}\n\n${markdownTable(["", "path", "scope", ""], cells)}`;
  });
  return `${[introduction.trimEnd(), ...sections].join("\n\n")}\n`;
}

/** The heading that a path stands under: its first words that name a thing. */
function group(path: string): string {
  const words = path.split("/").filter((word) => word !== "" && !word.startsWith(":"));
  const [first = "", second, third] = words;
  if (first !== "accounts") return title(first);
  if (second === undefined) return "Accounts";
  return second === "workers" && third ? title(`workers ${third}`) : title(second);
}

function title(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1).replace(/[-_]/g, " ");
}
