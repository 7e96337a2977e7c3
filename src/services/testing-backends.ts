/** Back-ends that know no binding but what a test gives them. For tests only. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { LaunchRecord } from "../domain/version.ts";
import { KvNamespaces } from "../products/kv/namespaces.ts";
import { Queues } from "../products/queues/queues.ts";
import { Buckets } from "../products/r2/buckets.ts";
import { SecretReader } from "../products/secrets-store/published.ts";
import { Backends, type BackendsOptions } from "./backends.ts";
import { Links } from "./links.ts";
import { Deployments } from "./snapshot.ts";
import { VersionLinks } from "./version-links.ts";

/** Their data is in the directory, and so is `<version>.json`, each version's launch record. */
export function testBackends(directory: string, parts: Partial<BackendsOptions> = {}): Backends {
  return new Backends({
    versions: new VersionLinks(new Deployments(), new Links(() => {})),
    databases: { run: () => {} },
    images: { turn: () => Promise.reject(new Error()), run: () => Promise.reject(new Error()) },
    caches: { store: () => undefined, failed: () => {} },
    kv: new KvNamespaces(join(directory, "kv")),
    buckets: new Buckets(join(directory, "r2")),
    secrets: new SecretReader(directory, directory),
    queues: new Queues(join(directory, "queues")),
    dataPoints: { write: () => {} },
    traces: { serve: () => {} },
    launchRecord: (versionId) => join(directory, `${versionId}.json`),
    ...parts,
  });
}

/** Opens the socket of an instance `i1` of the version, below `<directory>/svc`: for `servicesDir` of a test's runner. */
export async function attachVersion(backends: Backends, directory: string, record: LaunchRecord): Promise<string> {
  const { versionId, accountId } = record;
  await writeFile(join(directory, `${versionId}.json`), JSON.stringify(record));
  const servicesDir = join(directory, "svc");
  await mkdir(servicesDir, { recursive: true });
  await backends.attach({
    instanceId: "i1",
    versionId,
    accountId,
    directory: servicesDir,
    links: [],
    backends: { socket: "backends.sock" },
  });
  return servicesDir;
}
