import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { certifiedDomains } from "../domain/certified-domains.ts";
import { isWithin } from "../domain/host-name.ts";
import type { paths } from "../domain/paths.ts";
import type { RoutingSnapshot } from "../domain/routing.ts";
import { LocalCertificate } from "./certificate.ts";
import { certificateNames, subdomainsOf } from "./certificate-names.ts";

type Files = Pick<ReturnType<typeof paths>, "tls" | "domainsTls" | "tlsOf">;

/**
 * The certificates of all host names. The base domain has an authority that may certify nothing else, so each other domain
 * gets one of its own: a new domain leaves those that people trust already as they are.
 */
export class Certificates {
  readonly #files: Files;
  readonly #domain: string;
  readonly #base: LocalCertificate;
  readonly #others = new Map<string, LocalCertificate>();

  constructor(files: Files, domain: string) {
    this.#files = files;
    this.#domain = domain;
    this.#base = new LocalCertificate(files.tls, domain);
  }

  /** Makes what is missing. Plain HTTP works without a certificate: failing to make one stops nothing. */
  async ensure(snapshot: RoutingSnapshot): Promise<void> {
    const certified = certifiedDomains(snapshot);
    const isBase = (name: string) => isWithin(name, this.#domain) || isWithin(name, "localhost");
    const below = certified.filter(({ name }) => isBase(name)).flatMap(({ hosts }) => hosts);
    await attempt(this.#domain, () => this.#base.ensure(certificateNames(this.#domain, subdomainsOf(snapshot), below)));
    const others = certified.filter(({ name }) => !isBase(name));
    for (const { name, hosts } of others) {
      const certificate = this.#others.get(name) ?? new LocalCertificate(this.#files.tlsOf(name), name);
      this.#others.set(name, certificate);
      await attempt(name, () => certificate.ensure({ dns: hosts, ip: [] }));
    }
    await this.#keepOnly(new Set(others.map(({ name }) => name)));
  }

  async #keepOnly(names: ReadonlySet<string>): Promise<void> {
    for (const name of await readdir(this.#files.domainsTls).catch(() => [])) {
      if (names.has(name)) continue;
      this.#others.delete(name);
      await rm(join(this.#files.domainsTls, name), { recursive: true, force: true });
    }
  }
}

async function attempt(name: string, make: () => Promise<unknown>): Promise<void> {
  try {
    await make();
  } catch (error) {
    console.error(`The local TLS certificate of ${name} could not be made; https is not available there:`, error);
  }
}
