import type { HostProgram } from "../../products/hosts/program.ts";
import { enginePackage, rowHostDirectories } from "../../products/segments/engine-package.ts";

/** The program of hosts of logs. */
export function logHostProgram(): HostProgram {
  return {
    directories: [...rowHostDirectories, "observe/logs/host"],
    main: "observe/logs/host/main.ts",
    packages: [enginePackage()],
  };
}
