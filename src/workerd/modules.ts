import type { Module } from "../domain/version.ts";
import type { Embed, WorkerModule } from "./config.ts";
import type { FileContent } from "./plan.ts";

/** Adds a file beside the config and says how to embed it. */
export type EmbedFile = (content: FileContent) => Embed;

/**
 * A module under the name it was uploaded with: workerd resolves `./x.txt` as imported from `index.js`
 * to a module named `./x.txt` or `x.txt` alike (measured). Nothing for source maps: they stay with the platform.
 */
export function workerModule({ name, type, blob }: Module, embed: EmbedFile): WorkerModule[] {
  switch (type) {
    case "esm":
      return [{ name, esModule: embed({ blob }) }];
    case "commonjs":
      return [{ name, commonJsModule: embed({ blob }) }];
    case "text":
      return [{ name, text: embed({ blob }) }];
    case "data":
      return [{ name, data: embed({ blob }) }];
    case "wasm":
      return [{ name, wasm: embed({ blob }) }];
    case "json":
      return [{ name, json: embed({ blob }) }];
    case "python":
      return [{ name, pythonModule: embed({ blob }) }];
    case "python-requirement":
      // The name is all there is to it.
      return [{ name, obsoletePythonRequirement: "" }];
    case "source-map":
      return [];
  }
}
