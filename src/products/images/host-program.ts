import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { HostPackage, HostProgram } from "../hosts/program.ts";

let packages: HostPackage[] | undefined;

/** The program of hosts that read and write pictures; they alone load the library. */
export function imagesHostProgram(): HostProgram {
  packages ??= libraryPackages();
  return {
    directories: ["products/hosts", "products/images"],
    main: "products/images/host/main.ts",
    packages,
  };
}

/** The library, what it imports, and its native parts for this machine. */
function libraryPackages(): HostPackage[] {
  const ours = createRequire(import.meta.url);
  const entry = ours.resolve("sharp");
  const its = createRequire(entry);
  const scope = dirname(packageDirectory(its.resolve("@img/colour"), "@img/colour"));
  const natives = readdirSync(scope, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(node|so[.\d]*|dylib)$/.test(name))
    .map((name) => join(scope, name));
  return [
    { name: "sharp", directory: packageDirectory(entry, "sharp"), natives: [] },
    { name: "@img", directory: scope, natives },
    ...["detect-libc", "semver"].map((name) => ({
      name,
      directory: packageDirectory(its.resolve(name), name),
      natives: [],
    })),
  ];
}

/** The directory of the package that the file is in. */
function packageDirectory(file: string, name: string): string {
  const end = join("node_modules", name);
  let directory = dirname(file);
  while (!directory.endsWith(end) && dirname(directory) !== directory) directory = dirname(directory);
  return directory;
}
