import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { AcceptContext } from "../kind.ts";
import { workflow } from "./binding.ts";

const context = {
  workflow: (name: string, scriptName?: string) =>
    name === "orders" && scriptName !== "none" ? "0".repeat(32) : undefined,
} as unknown as AcceptContext;
const accept = (raw: Record<string, unknown>) =>
  workflow.accept(workflow.schema(z).parse({ name: "ORDERS", type: "workflow", ...raw }) as never, context);

describe("the workflow binding", () => {
  it("keeps the id that the workflow has at the upload, and shows what the client sent", () => {
    const uploaded = { workflow_name: "orders", class_name: "Orders", script_name: "shop" };
    const binding = accept(uploaded);
    expect(binding).toEqual({
      type: "workflow",
      name: "ORDERS",
      workflowName: "orders",
      className: "Orders",
      scriptName: "shop",
      workflowId: "0".repeat(32),
    });
    expect(workflow.describe(binding as never)).toEqual({ type: "workflow", name: "ORDERS", ...uploaded });
  });

  it.each([
    ["a workflow that is not there", { workflow_name: "other", class_name: "Other" }, "cannot be bound"],
    ["one of another Worker", { workflow_name: "orders", script_name: "none" }, "Deploy that Worker first"],
    ["a name that is none", { workflow_name: "no good", class_name: "Orders" }, "1 to 64 letters"],
  ])("refuses %s", (_, raw, message) => {
    expect(() => accept(raw)).toThrow(message);
  });
});
