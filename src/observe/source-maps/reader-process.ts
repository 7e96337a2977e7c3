/**
 * Process that looks up source maps of one account. They are tenants' files, and reading one takes time and memory that must not
 * be those of services; a thread would not do, since one without memory ends its process with it (measured).
 */
import { type MapFiles, Mapper } from "./mapper.ts";

export interface MappingRequest {
  files: MapFiles;
  stacks: string[];
}

const mapper = new Mapper();

/** Says that it has started, then answers each request with its stacks; one that cannot be mapped comes back as it was. */
process.on("message", ({ files, stacks }: MappingRequest) => {
  process.send?.(
    stacks.map((stack) => {
      try {
        return mapper.map(stack, files);
      } catch {
        return stack;
      }
    }),
  );
});
process.send?.("ready");
process.on("disconnect", () => process.exit(0));
// The terminal sends Ctrl-C to the whole group; whoever asks says when to end.
process.on("SIGINT", () => {});
