import { randomInt } from "node:crypto";
import type { Config } from "../domain/config.ts";
import { securePortSuffix } from "../domain/config.ts";
import { PAGES_LABEL } from "../domain/routing.ts";
import { PAGES_SCRIPT_PREFIX } from "../workers/limits.ts";
import { invalidProjectName, invalidRequest } from "./errors.ts";
import { MAX_ALIAS_LENGTH, MAX_BRANCH_LENGTH, MAX_CUSTOM_ALIAS_LENGTH, MAX_PROJECT_NAME_LENGTH } from "./limits.ts";

/** The name, if a project may have it. */
export function checkedProjectName(name: string): string {
  if (name.length > MAX_PROJECT_NAME_LENGTH || !/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(name))
    throw invalidProjectName(name);
  return name;
}

/** Name of the script that serves a project. */
export function scriptOfProject(name: string): string {
  return `${PAGES_SCRIPT_PREFIX}${name}`;
}

/** Host and port of a project, or of one of its previews, as URLs over https have them. */
export function projectHost(config: Config, label: string): string {
  return `${label}.${PAGES_LABEL}.${config.domain}${securePortSuffix(config)}`;
}

export function checkedBranch(branch: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  if (branch === "" || branch.length > MAX_BRANCH_LENGTH || /[\u0000-\u001f\u007f]/.test(branch))
    throw invalidRequest(`A branch's name has 1 to ${MAX_BRANCH_LENGTH} characters, none of them a control character.`);
  return branch;
}

/** The label that a branch has by itself (`pages-and-builds.md` 2.3). */
export function branchAlias(branch: string): string {
  const label = branch
    .toLowerCase()
    .replace(/[^a-z0-9-]/g, "-")
    .replace(/^-+|-+$/g, "");
  if (label === "") return `branch-${randomLetters(10)}`;
  // The original may leave a hyphen at the end, which is no host name.
  return label.slice(0, MAX_ALIAS_LENGTH).replace(/-+$/, "");
}

/** A label that a person gives. */
export function checkedAlias(alias: string): string {
  if (alias.length > MAX_CUSTOM_ALIAS_LENGTH || !/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(alias))
    throw invalidRequest(
      `"${alias.slice(0, 80)}" cannot be an alias. Use lower-case letters, digits and inner "-", and at most ${MAX_CUSTOM_ALIAS_LENGTH} characters.`,
    );
  return alias;
}

const LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";

export function randomLetters(count: number): string {
  return Array.from({ length: count }, () => LETTERS[randomInt(LETTERS.length)]).join("");
}
