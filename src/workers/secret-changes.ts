import type { LaunchRecord, Sealed } from "../domain/version.ts";
import type { Platform } from "../store/platform.ts";

/** Names of the secrets that are added, removed or different in one record as against the other. */
export function changedSecrets({ unseal }: Pick<Platform, "unseal">, a: LaunchRecord, b: LaunchRecord): string[] {
  const [left, right] = [secretsOf(a), secretsOf(b)];
  const same = (x: Sealed | undefined, y: Sealed | undefined) =>
    x !== undefined && y !== undefined && (x.sealed === y.sealed || unseal(x) === unseal(y));
  return [...new Set([...left.keys(), ...right.keys()])].filter((name) => !same(left.get(name), right.get(name)));
}

function secretsOf({ bindings }: LaunchRecord): Map<string, Sealed> {
  const secrets = bindings.filter((binding) => binding.type === "secret_text");
  return new Map(secrets.map(({ name, text }) => [name, text]));
}
