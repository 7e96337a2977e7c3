import type { Form } from "./conditional.ts";
import type { Header } from "./headers-file.ts";

/** Bytes to send: a part of one form of a content. */
export interface Body {
  hash: string;
  form: Form;
  offset: number;
  length: number;
}

/** The response. Those without a range are kept and given again, so a caller may keep its own bytes in `wire`. */
export interface Decision {
  kind: "asset" | "range" | "not-modified" | "redirect" | "not-found" | "method" | "unacceptable";
  status: number;
  /** Without `content-length`. */
  headers: readonly Header[];
  /** Value of `content-length` (for HEAD that of the GET); undefined for 304, which has none. */
  length: number | undefined;
  /** Undefined when no bytes are to be sent, as for HEAD. */
  body: Body | undefined;
  /** For the caller: what of this response's head is the same each time, as it goes over the wire. */
  wire: string | undefined;
}

/** A response without bytes. */
export function bodiless(kind: Decision["kind"], status: number, headers: readonly Header[]): Decision {
  return { kind, status, headers, length: 0, body: undefined, wire: undefined };
}
