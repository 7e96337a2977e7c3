import type { HostProgram } from "../hosts/program.ts";
import { enginePackage, rowHostDirectories } from "../segments/engine-package.ts";

/** The program of hosts of data points. */
export function analyticsHostProgram(): HostProgram {
  return {
    directories: [...rowHostDirectories, "products/analytics/host"],
    main: "products/analytics/host/main.js",
    packages: [enginePackage()],
  };
}
