/** Labels under the base domain whose host names lead to storage. */
export const storageLabels = ["s3", "r2"] as const;

/** Whether the labels under the base domain name a host of storage (see {@link storageHost}). */
export function isStorage(labels: readonly string[]): boolean {
  const last = labels.at(-1);
  return last === "s3" ? labels.length <= 2 : last === "r2" && (labels.length === 2 || labels.length === 3);
}

/** What a host of storage stands for. */
export type StorageHost =
  /** The S3 API; `bucket` when the host names it, `accountId` when it does. */
  | { kind: "s3"; bucket?: string; accountId?: string }
  /** A bucket that is open to everyone, by its public id of 32 hex digits. */
  | { kind: "public"; id: string };

const PUBLIC = /^pub-([0-9a-f]{32})$/;
const ACCOUNT = /^[0-9a-f]{32}$/;

/**
 * `s3.<base>` and `<bucket>.s3.<base>`; `<account id>.r2.<base>` and `<bucket>.<account id>.r2.<base>`, which is the
 * original's form; `pub-<id>.r2.<base>`. `host` may have a port. Undefined for every other host.
 */
export function storageHost(host: string, domain: string): StorageHost | undefined {
  const name = host.toLowerCase().replace(/:\d*$/, "").replace(/\.$/, "");
  if (!name.endsWith(`.${domain}`)) return undefined;
  const labels = name.slice(0, -domain.length - 1).split(".");
  if (!isStorage(labels)) return undefined;
  const last = labels.pop();
  if (last === "s3") return { kind: "s3", ...(labels[0] && { bucket: labels[0] }) };
  const owner = labels.pop() ?? "";
  const [, id] = PUBLIC.exec(owner) ?? [];
  if (id !== undefined) return labels.length === 0 ? { kind: "public", id } : undefined;
  return ACCOUNT.test(owner) ? { kind: "s3", accountId: owner, ...(labels[0] && { bucket: labels[0] }) } : undefined;
}
