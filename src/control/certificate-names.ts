import { PAGES_LABEL, type RoutingSnapshot } from "../domain/routing.ts";
import { storageLabels } from "../domain/storage-host.ts";

/** Names that the local certificate is good for, and that its authority may certify. */
export interface CertificateNames {
  dns: string[];
  ip: string[];
}

/**
 * All host names of the platform (DESIGN 5), and `more` of the accounts' own domains. A wildcard covers one label, so each
 * account needs one, and so does each Pages project for its previews: `<project>.pages` is a subdomain here.
 */
export function certificateNames(domain: string, subdomains: string[], more: string[] = []): CertificateNames {
  const wildcards = subdomains.map((subdomain) => `*.${subdomain}.${domain}`);
  // A wildcard over a whole top-level domain makes some clients refuse the certificate, the runtime's own among them.
  const direct = domain.includes(".") ? [`*.${domain}`] : [];
  const products = [PAGES_LABEL, ...storageLabels].map((label) => `*.${label}.${domain}`);
  const dns = new Set([domain, ...direct, `s3.${domain}`, ...products, ...wildcards, "localhost", ...more]);
  return { dns: [...dns].sort(), ip: ["127.0.0.1", "::1"] };
}

/** Pages projects whose previews are named, so that the certificate stays small: 40 bytes a name go over the wire with each handshake. */
const MAX_PROJECTS = 500;

/** The names under the base domain that have host names under them. */
export function subdomainsOf({ accounts, scripts }: Pick<RoutingSnapshot, "accounts" | "scripts">): string[] {
  const projects = scripts.flatMap(({ pagesLabel }) =>
    pagesLabel === undefined ? [] : `${pagesLabel}.${PAGES_LABEL}`,
  );
  return [...accounts.map(({ subdomain }) => subdomain), ...projects.slice(0, MAX_PROJECTS)];
}

/**
 * DER of a name constraints extension (RFC 5280, 4.2.1.10) that permits the domain, `localhost` and loopback
 * addresses: whoever steals the authority's key can then not pose as any other site to those who trust it.
 */
export function nameConstraints(domain: string): Uint8Array {
  const names = [...new Set([domain, "localhost"])].map((name) => der(TAG.dnsName, Buffer.from(name, "ascii")));
  // An address and its mask: 127.0.0.0/8 and ::1/128.
  const loopback4 = der(TAG.ipAddress, Buffer.from([127, 0, 0, 0, 255, 0, 0, 0]));
  const loopback6 = der(TAG.ipAddress, Buffer.concat([Buffer.alloc(15), Buffer.from([1]), Buffer.alloc(16, 255)]));
  const subtrees = [...names, loopback4, loopback6].map((name) => der(TAG.sequence, name));
  return der(TAG.sequence, der(TAG.permittedSubtrees, Buffer.concat(subtrees)));
}

const TAG = { sequence: 0x30, permittedSubtrees: 0xa0, dnsName: 0x82, ipAddress: 0x87 } as const;

function der(tag: number, content: Uint8Array): Buffer {
  const { length } = content;
  const header =
    length < 128 ? [tag, length] : length < 256 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from(header), content]);
}
