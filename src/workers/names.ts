import { invalidScriptName, invalidUpload, reservedScriptName } from "./errors.ts";
import {
  MAX_LABEL_LENGTH,
  MAX_MODULE_NAME_BYTES,
  MAX_SCRIPT_NAME_LENGTH,
  PAGES_SCRIPT_PREFIX,
  PREVIEW_SCRIPT_PREFIX,
  SESSION_SCRIPT_PREFIX,
} from "./limits.ts";

/** Of scripts that are no Workers. */
const RESERVED_PREFIXES = [PAGES_SCRIPT_PREFIX, SESSION_SCRIPT_PREFIX, PREVIEW_SCRIPT_PREFIX];

/** The name, if a Worker may have it (`workers-semantics.md` 1.5); error 10016 otherwise. */
export function scriptName(name: string): string {
  if (name.length > MAX_SCRIPT_NAME_LENGTH || !/^[a-z0-9_][a-z0-9_-]*$/.test(name)) throw invalidScriptName(name);
  const prefix = RESERVED_PREFIXES.find((reserved) => name.startsWith(reserved));
  if (prefix) throw reservedScriptName(name, prefix);
  return name;
}

/**
 * The name, if a module may have it. Modules never become files under these names, yet a name
 * that reads as a path elsewhere is a mistake or an attack, so it is refused.
 */
export function moduleName(name: string): string {
  const fail = (why: string) => invalidUpload(`The module name ${JSON.stringify(name)} is not allowed: ${why}.`);
  if (name === "") throw invalidUpload("A module has no name. Name every part of the upload.");
  if (Buffer.byteLength(name) > MAX_MODULE_NAME_BYTES) throw fail(`it is longer than ${MAX_MODULE_NAME_BYTES} bytes`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  if (/[\u0000-\u001f\u007f\\]/.test(name)) throw fail("it contains a control character or a backslash");
  if (name.startsWith("/")) throw fail("it must be relative");
  if (name.split("/").includes("..")) throw fail('it must not contain ".."');
  if (/^(node|cloudflare|workerd):/.test(name)) throw fail("names with this prefix belong to the runtime");
  return name;
}

/** The alias, if a version of this script may have it (`workers-semantics.md` 3.6). */
export function aliasName(alias: string, script: string): string {
  if (!/^[a-z]([a-z0-9-]*[a-z0-9])?$/.test(alias)) {
    throw invalidUpload(
      `The preview alias "${alias}" is not allowed. Use lower-case letters, digits and "-", start with a letter and do not end with "-".`,
    );
  }
  if (alias.length + 1 + script.length > MAX_LABEL_LENGTH) {
    throw invalidUpload(
      `The preview alias "${alias}" is too long: with "-${script}" it must fit into ${MAX_LABEL_LENGTH} characters.`,
    );
  }
  return alias;
}

const VERSION_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Whether the text has the form of a version id: a lower-case UUID. */
export function isVersionId(text: string): boolean {
  return VERSION_ID.test(text);
}
