import type { webcrypto } from "node:crypto";
import { type CertificateNames, nameConstraints } from "./certificate-names.ts";
import { loadX509 } from "./x509.ts";

/** Certificate and private key, PEM. */
export interface KeyPair {
  certificate: string;
  key: string;
}

/** What this process is asked to make: a leaf for `names`, under `authority` or under one that it makes too. */
export interface CertificateOrder {
  domain: string;
  names: CertificateNames;
  authority: KeyPair | undefined;
}

export interface MadeCertificate {
  authority: KeyPair;
  leaf: KeyPair;
}

const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 3650;

/** Clients refuse leaf certificates that live longer (398 days by the browsers' rules). */
const LEAF_DAYS = 397;

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const NAME_CONSTRAINTS = "2.5.29.30";

/** Also on machines whose clock is a little behind. */
const CLOCK_SKEW_MS = 3_600_000;

/** Makes what is ordered. In the platform this runs in a process of its own, see `certificate.ts`. */
export async function makeCertificate(order: CertificateOrder): Promise<MadeCertificate> {
  const x509 = await loadX509();
  const authority = order.authority ?? (await makeAuthority(x509, order.domain));
  const issuer = new x509.X509Certificate(authority.certificate);
  const keys = await generateKeys();
  const leaf = await x509.X509CertificateGenerator.create({
    subject: "CN=Freehold",
    issuer: issuer.subject,
    ...validFor(LEAF_DAYS),
    publicKey: keys.publicKey,
    signingKey: await importKey(authority.key),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([
        ...order.names.dns.map((value) => ({ type: "dns" as const, value })),
        ...order.names.ip.map((value) => ({ type: "ip" as const, value })),
      ]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
    ],
  });
  return { authority, leaf: { certificate: leaf.toString("pem"), key: await exportKey(keys.privateKey) } };
}

async function makeAuthority(x509: Awaited<ReturnType<typeof loadX509>>, domain: string): Promise<KeyPair> {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=Freehold local authority",
    ...validFor(AUTHORITY_DAYS),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      new x509.Extension(NAME_CONSTRAINTS, true, nameConstraints(domain)),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: certificate.toString("pem"), key: await exportKey(keys.privateKey) };
}

function validFor(days: number): { notBefore: Date; notAfter: Date } {
  const notBefore = Date.now() - CLOCK_SKEW_MS;
  return { notBefore: new Date(notBefore), notAfter: new Date(notBefore + days * DAY_MS) };
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return (await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
}

async function exportKey(key: CryptoKey): Promise<string> {
  const der = Buffer.from(await crypto.subtle.exportKey("pkcs8", key)).toString("base64");
  return `-----BEGIN PRIVATE KEY-----\n${der.match(/.{1,64}/g)?.join("\n")}\n-----END PRIVATE KEY-----\n`;
}

async function importKey(pem: string): Promise<CryptoKey> {
  const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ""), "base64");
  return crypto.subtle.importKey("pkcs8", der, ALGORITHM, false, ["sign"]);
}

// Forked by `certificate.ts`. Ends when the message is on its way: nothing else keeps the process.
if (import.meta.main) {
  process.once("message", async (order) => {
    const made = await makeCertificate(order as CertificateOrder);
    process.send?.(made, () => process.disconnect?.());
  });
}
