import type { Cause } from "../domain/messages.ts";
import type { Exit } from "./launch.ts";

/** V8 and the allocator say so before they end the process (workerd-bindings.md 2.7); its exit code is 1 as for any error. */
const OUT_OF_MEMORY =
  /Reached heap limit|JavaScript heap out of memory|V8 process OOM|Cannot allocate memory|std::bad_alloc/;

/** Why a process ended that nobody asked to end. */
export function exitCause(exit: Exit, stderr: string): Exclude<Cause, "none" | "cpu"> {
  // A process that ended well by itself has no reason to either.
  return exit.code !== 0 && OUT_OF_MEMORY.test(stderr) ? "memory" : "crash";
}
