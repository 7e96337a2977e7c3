import { Embed, VOID, type WorkerdConfig } from "./config.ts";

/**
 * The config as Cap'n Proto text, with a constant `config` that workerd finds by itself.
 * Output is ASCII. Throws a `TypeError` on a value that no field can hold.
 */
export function capnpText(config: WorkerdConfig): string {
  return `using Workerd = import "/workerd/workerd.capnp";\nconst config :Workerd.Config = ${writeValue(config)};\n`;
}

function writeValue(value: unknown): string {
  if (typeof value === "string") return quote(value);
  if (typeof value === "boolean") return String(value);
  if (typeof value === "number" && Number.isSafeInteger(value)) return String(value);
  if (value === VOID) return "void";
  if (value instanceof Embed) return `embed ${quote(value.path)}`;
  if (Array.isArray(value)) return `[${value.map(writeValue).join(", ")}]`;
  if (typeof value === "object" && value !== null) return writeStruct(value);
  throw new TypeError(`cannot write ${typeof value} as Cap'n Proto text`);
}

function writeStruct(struct: object): string {
  const fields = Object.entries(struct).filter(([, value]) => value !== undefined);
  return `(${fields.map(([name, value]) => `${name} = ${writeValue(value)}`).join(", ")})`;
}

/**
 * A string literal. Everything but printable ASCII is written as escaped UTF-8 bytes, so that no
 * character of a user's text can end the literal or depend on how the file is read. (A lone
 * surrogate has no UTF-8 form and becomes U+FFFD.)
 */
function quote(text: string): string {
  if (/^[ !#-[\]-~]*$/.test(text)) return `"${text}"`;
  let literal = "";
  for (const byte of new TextEncoder().encode(text)) {
    if (byte === 0x22 || byte === 0x5c) literal += `\\${String.fromCharCode(byte)}`;
    else if (byte >= 0x20 && byte < 0x7f) literal += String.fromCharCode(byte);
    else literal += `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return `"${literal}"`;
}
