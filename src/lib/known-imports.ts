import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";

/** Where imports lead. URLs are relative to a root, so that what was recorded stays true when the root is moved. */
export interface KnownImports {
  /** Modules with their format, as Node's hooks call it. */
  modules: (readonly [url: string, format: string])[];
  /** By the index of the importing module: the index of the imported one for each specifier. */
  imports: Record<number, Record<string, number>>;
}

/** Imports modules, each with all that it imports, and says where each import led that stayed below `root`. */
export async function recordImports(root: URL, urls: readonly string[]): Promise<KnownImports> {
  const indexes = new Map<string, number>();
  const known: KnownImports = { modules: [], imports: {} };
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      const resolved = next(specifier, context);
      const from = indexes.get(context.parentURL ?? "");
      // What was not imported below the root has no index, and what leads out of it gets none.
      if (!resolved.url.startsWith(root.href) || !resolved.format) return resolved;
      let index = indexes.get(resolved.url);
      if (index === undefined) {
        index = known.modules.push([resolved.url.slice(root.href.length), resolved.format]) - 1;
        indexes.set(resolved.url, index);
      }
      if (from !== undefined) {
        known.imports[from] ??= {};
        known.imports[from][specifier] = index;
      }
      return resolved;
    },
  });
  try {
    for (const url of urls) await import(url);
  } finally {
    hooks.deregister();
  }
  return known;
}

/**
 * Imports with a file of {@link KnownImports}: nothing that it knows is looked for on disk, which takes Node
 * two fifths of the CPU that loading a role costs (measured). Anything else, and all without the file, goes the usual way.
 */
export async function importKnown<T>(root: URL, path: string | undefined, load: () => Promise<T>): Promise<T> {
  const known = path && readKnown(path);
  if (!known) return load();
  const modules = known.modules.map(([url, format]) => ({ url: root.href + url, format, shortCircuit: true }));
  const imports = new Map(
    Object.entries(known.imports).map(([index, specifiers]) => [modules[Number(index)]?.url, specifiers]),
  );
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      const index = imports.get(context.parentURL)?.[specifier];
      return (index !== undefined && modules[index]) || next(specifier, context);
    },
  });
  try {
    return await load();
  } finally {
    hooks.deregister();
  }
}

/** Undefined when there is none that can be read: it was removed with the sources that it was made of. */
function readKnown(path: string): KnownImports | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as KnownImports;
  } catch {
    return undefined;
  }
}
