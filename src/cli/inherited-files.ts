import { closeSync, readdirSync, readFileSync } from "node:fs";

/** `O_CLOEXEC` as `/proc` shows it: the octal number of x64 and arm64. */
const CLOSE_ON_EXEC = 0o2000000;

/**
 * Closes files that this process got open from whoever started it, beyond input, output and errors: every child would
 * inherit them, runners with tenants' code too. Node marks its own so that no child does. Without `/proc` it does nothing.
 */
export function closeInheritedFiles(): void {
  for (const name of listDescriptors()) {
    const descriptor = Number(name);
    if (descriptor <= 2) continue;
    try {
      const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${name}`, "utf8"))?.[1];
      if (flags !== undefined && (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) === 0) closeSync(descriptor);
    } catch {
      // The one that the directory was read with is closed by now.
    }
  }
}

function listDescriptors(): string[] {
  try {
    return readdirSync("/proc/self/fd");
  } catch {
    return [];
  }
}
