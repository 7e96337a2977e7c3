import { fork } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import type { paths } from "../domain/paths.ts";
import { writeDurably } from "../lib/durable-file.ts";
import type { CertificateOrder, KeyPair, MadeCertificate } from "./certificate-maker.ts";
import { type CertificateNames, nameConstraints } from "./certificate-names.ts";

type TlsFiles = ReturnType<typeof paths>["tls"];

const DAY_MS = 86_400_000;

/** A certificate is renewed this long before it ends. */
const RENEW_MS = 30 * DAY_MS;

/** Making one takes 0.2 s on an idle machine. */
const MAKE_TIMEOUT_MS = 30_000;

/** How long a check holds; a platform may run for longer than a certificate. */
const RECHECK_MS = DAY_MS / 2;

/**
 * A certificate authority of the platform's own, for one domain: keeps a directory holding a certificate for host names,
 * so that `https` works on machines that trust its `ca.pem`.
 */
export class LocalCertificate {
  readonly #files: TlsFiles;
  readonly #domain: string;
  #checked = { names: "", atMs: 0 };

  constructor(files: TlsFiles, domain: string) {
    this.#files = files;
    this.#domain = domain;
  }

  /** Makes what is missing, near its end or for other names. Cheap when nothing changed. Returns whether it made any. */
  async ensure(names: CertificateNames): Promise<boolean> {
    const key = JSON.stringify(names);
    if (this.#checked.names === key && Date.now() - this.#checked.atMs < RECHECK_MS) return false;
    const authority = usableAuthority(await readPair(this.#files.authority, this.#files.authorityKey), this.#domain);
    const leaf = await readPair(this.#files.certificate, this.#files.key);
    const made = !authority || !leaf || !isGoodLeaf(leaf, authority, names);
    if (made) await this.#make({ domain: this.#domain, names, authority });
    this.#checked = { names: key, atMs: Date.now() };
    return made;
  }

  async #make(order: CertificateOrder): Promise<void> {
    const { authority, leaf } = await makeAside(order);
    if (!order.authority) {
      await writeDurably(this.#files.authorityKey, authority.key);
      await writeDurably(this.#files.authority, authority.certificate);
    }
    await writeDurably(this.#files.key, leaf.key);
    await writeDurably(this.#files.certificate, leaf.certificate);
  }
}

/** Runs the maker in a process of its own: the library's 23 MB go when it ends (after a thread they stay). */
async function makeAside(order: CertificateOrder): Promise<MadeCertificate> {
  const maker = fork(new URL(`./certificate-maker${extname(import.meta.filename)}`, import.meta.url));
  const ended = once(maker, "exit");
  const made = new Promise<MadeCertificate>((resolve, reject) => {
    maker.once("message", (message) => resolve(message as MadeCertificate));
    maker.once("error", reject);
    maker.once("exit", (code) => reject(new Error(`the certificate maker ended with ${code}`)));
  });
  const cut = setTimeout(() => maker.kill("SIGKILL"), MAKE_TIMEOUT_MS);
  try {
    maker.send(order, () => {});
    return await made;
  } finally {
    await ended;
    clearTimeout(cut);
  }
}

async function readPair(certificatePath: string, keyPath: string): Promise<KeyPair | undefined> {
  try {
    const [certificate, key] = await Promise.all([readFile(certificatePath, "utf8"), readFile(keyPath, "utf8")]);
    return { certificate, key };
  } catch {
    // Whatever is wrong with the files, new ones replace them.
    return undefined;
  }
}

/** The authority on disk, unless it ends soon or may not certify the domain (which was changed). */
function usableAuthority(pair: KeyPair | undefined, domain: string): KeyPair | undefined {
  const certificate = parse(pair);
  if (!pair || !certificate || endsSoon(certificate)) return undefined;
  return certificate.raw.includes(nameConstraints(domain)) ? pair : undefined;
}

function isGoodLeaf(leaf: KeyPair, authority: KeyPair, names: CertificateNames): boolean {
  const certificate = parse(leaf);
  const issuer = parse(authority);
  if (!certificate || !issuer || endsSoon(certificate)) return false;
  return certificate.verify(issuer.publicKey) && sameNames(certificate, names);
}

/** Undefined when it is no certificate or not the key's. */
function parse(pair: KeyPair | undefined): X509Certificate | undefined {
  if (!pair) return undefined;
  try {
    const certificate = new X509Certificate(pair.certificate);
    return certificate.checkPrivateKey(createPrivateKey(pair.key)) ? certificate : undefined;
  } catch {
    return undefined;
  }
}

function endsSoon(certificate: X509Certificate): boolean {
  return certificate.validToDate.getTime() - Date.now() < RENEW_MS;
}

function sameNames(certificate: X509Certificate, names: CertificateNames): boolean {
  const has = new Set((certificate.subjectAltName ?? "").split(", ").filter((name) => name.startsWith("DNS:")));
  return has.size === names.dns.length && names.dns.every((name) => has.has(`DNS:${name}`));
}
