import { storageLabels } from "../domain/storage-host.ts";

/** Names that the local certificate is good for, and that its authority may certify. */
export interface CertificateNames {
  dns: string[];
  ip: string[];
}

/**
 * All host names of the platform (DESIGN 5), and `more` of the accounts' own domains. A wildcard covers one label, so each
 * account needs one.
 */
export function certificateNames(domain: string, subdomains: string[], more: string[] = []): CertificateNames {
  const accounts = subdomains.map((subdomain) => `*.${subdomain}.${domain}`);
  // A wildcard over a whole top-level domain makes some clients refuse the certificate, the runtime's own among them.
  const direct = domain.includes(".") ? [`*.${domain}`] : [];
  const products = ["pages", ...storageLabels].map((label) => `*.${label}.${domain}`);
  const dns = new Set([domain, ...direct, `s3.${domain}`, ...products, ...accounts, "localhost", ...more]);
  return { dns: [...dns].sort(), ip: ["127.0.0.1", "::1"] };
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
