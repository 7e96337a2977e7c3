import type { Config } from "../../domain/config.ts";
import type { Machine } from "./machine.ts";

/** What a check found. */
export interface Finding {
  /** What was looked at, in a word. */
  name: string;
  status: "ok" | "warn" | "fail";
  /** What is so, and for `warn` and `fail` why it matters. */
  message: string;
  /** The command or the step that mends it. */
  mend?: string;
}

/** Looks at one thing. Never rejects for what it looks at. */
export type Check = (config: Config, machine: Machine) => Finding | Promise<Finding>;
