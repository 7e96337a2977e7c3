/** Bindings for those who take uploads and show versions. To start versions, see `launch.ts`. */
import { z } from "zod";
import type { Binding } from "../domain/version.ts";
import { type AcceptContext, BindingError } from "./kind.ts";
import { kindOf, kindOfType } from "./kinds.ts";
import { BINDING_NAME, BINDING_WITHOUT_NAME, MAX_BINDINGS_BYTES, MAX_VARIABLES, TOO_MANY_VARIABLES } from "./limits.ts";

export type { AcceptContext } from "./kind.ts";
export { serviceTargets } from "./service/binding.ts";

/** Why bindings are refused, in the client's terms. */
export interface Refusal {
  code: number;
  message: string;
}

/**
 * Turns an entry of `metadata.bindings` into a stored binding. Every type that is not known here is refused by name,
 * `inherit` too: resolve it before.
 */
export function parseBinding(raw: unknown, context: AcceptContext): { binding: Binding } | { refusal: Refusal } {
  try {
    return { binding: accept(raw, context) };
  } catch (error) {
    if (error instanceof BindingError) return { refusal: { code: error.code, message: error.message } };
    throw error;
  }
}

/** The binding as the API shows it: secrets by name and type only. */
export function describeBinding(binding: Binding): Record<string, unknown> {
  return kindOf(binding).describe(binding as never);
}

/** Checks rules about all bindings of a version together. Undefined when they are kept. */
export function checkBindings(bindings: Binding[]): Refusal | undefined {
  const names = new Set<string>();
  for (const { name } of bindings) {
    if (names.has(name)) return { code: 10021, message: `Binding name "${name}" is used more than once.` };
    names.add(name);
  }
  const variables = bindings.filter(({ type }) => type === "plain_text" || type === "json" || type === "secret_text");
  if (variables.length > MAX_VARIABLES) {
    return {
      code: TOO_MANY_VARIABLES,
      message: `The Worker has ${variables.length} variables and secrets; it may have ${MAX_VARIABLES}.`,
    };
  }
  const bytes = Buffer.byteLength(JSON.stringify(bindings));
  if (bytes > MAX_BINDINGS_BYTES) {
    return {
      code: 10021,
      message: `The Worker's bindings have ${bytes} bytes of metadata; they may have ${MAX_BINDINGS_BYTES}.`,
    };
  }
  return undefined;
}

const Head = z.object({ name: z.string(), type: z.string() });

function accept(raw: unknown, context: AcceptContext): Binding {
  const head = Head.safeParse(raw);
  if (!head.success)
    throw new BindingError(
      `A binding is invalid: ${issues(head.error)}.`,
      withoutName(raw) ? BINDING_WITHOUT_NAME : 10021,
    );
  const { name, type } = head.data;
  if (!BINDING_NAME.test(name)) {
    throw new BindingError(
      `Binding name "${shorten(name)}" is invalid: it must be an identifier of at most 256 letters, digits, "_" and "$".`,
      name === "" ? BINDING_WITHOUT_NAME : 10021,
    );
  }
  const kind = kindOfType(type);
  if (!kind)
    throw new BindingError(`Binding "${name}" has type "${shorten(type)}", which this platform does not support.`);
  const upload = kind.schema(z).safeParse(raw);
  if (!upload.success)
    throw new BindingError(`Binding "${name}" of type "${type}" is invalid: ${issues(upload.error)}.`);
  const binding = kind.accept(upload.data, context);
  return kind.hasProtocol && asksForRaw(raw) ? { ...binding, raw: true } : binding;
}

function asksForRaw(raw: unknown): boolean {
  return typeof raw === "object" && raw !== null && "raw" in raw && raw.raw === true;
}

function withoutName(raw: unknown): boolean {
  return typeof raw === "object" && raw !== null && !("name" in raw);
}

function issues(error: z.ZodError): string {
  return error.issues
    .map(({ path, message }) => (path.length > 0 ? `${path.join(".")}: ${message}` : message))
    .join("; ");
}

/** Names come from outside; a message should stay readable. */
function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
