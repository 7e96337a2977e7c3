/** Limits on bindings. Source: `workers-semantics.md` 4.1 (plan limits, paid) and 4.3 (codes). */

/** Bytes of one variable or secret: 5 KB. */
export const MAX_VARIABLE_BYTES = 5 * 1024;
export const VARIABLE_TOO_LARGE = 10054;

/** Variables and secrets of a version together. */
export const MAX_VARIABLES = 128;
export const TOO_MANY_VARIABLES = 10055;

/** All bindings of a version as JSON, without the content of parts: about 1 MB. */
export const MAX_BINDINGS_BYTES = 1_000_000;

/**
 * A binding becomes a property of `env`, or a global variable: it must be an identifier.
 * A property `__proto__` is not one like the others: `env` would lack it without a word.
 */
export const BINDING_NAME = /^(?!__proto__$)[A-Za-z_$][\w$]{0,255}$/;
export const BINDING_WITHOUT_NAME = 10052;
