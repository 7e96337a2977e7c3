import { z } from "zod";
import type { ApiRoute } from "../store/platform.ts";

/** OpenAPI 3.1 description of the route tables. */
export function openApiDocument(routes: ApiRoute[], basePath: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const row of routes) {
    const path = row.path.replace(/:(\w+)(\{[^}]*\})?/g, "{$1}");
    paths[path] = { ...paths[path], [row.method.toLowerCase()]: operation(row) };
  }
  return {
    openapi: "3.1.0",
    info: { title: "Freehold API", version: "4" },
    servers: [{ url: basePath }],
    paths,
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
      schemas: { Envelope: envelope },
    },
  };
}

function operation(row: ApiRoute): Record<string, unknown> {
  const names = [...row.path.matchAll(/:(\w+)/g)].map((match) => match[1]);
  return {
    summary: row.summary,
    "x-scope": row.scope,
    security: row.scope === "none" ? [] : [{ token: [] }],
    parameters: names.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } })),
    ...(row.body && {
      requestBody: { content: { "application/json": { schema: z.toJSONSchema(row.body, schemaOptions) } } },
    }),
    responses: {
      default: {
        description: "The result, or what was wrong.",
        content: { "application/json": { schema: { $ref: "#/components/schemas/Envelope" } } },
      },
    },
  };
}

/** A body is described as clients send it; what JSON Schema cannot say is left open. */
const schemaOptions = { io: "input", unrepresentable: "any" } as const;

const message = {
  type: "object",
  properties: { code: { type: "integer" }, message: { type: "string" } },
  required: ["code", "message"],
};

const envelope = {
  type: "object",
  properties: {
    success: { type: "boolean" },
    result: {},
    errors: { type: "array", items: message },
    messages: { type: "array", items: message },
    result_info: { type: "object" },
  },
  required: ["success", "result", "errors", "messages"],
};
