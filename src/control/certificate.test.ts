import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer } from "node:tls";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { paths } from "../domain/paths.ts";
import { LocalCertificate } from "./certificate.ts";
import { certificateNames, nameConstraints } from "./certificate-names.ts";

let directory: string;
let files: ReturnType<typeof paths>["tls"];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "freehold-tls-"));
  files = paths({ dataDir: directory, runDir: directory }).tls;
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(directory, { recursive: true, force: true });
});

const read = (path: string) => readFileSync(path, "utf8");

/** The error with which a client that trusts only our authority ends, or undefined when it accepts the server. */
async function connectAs(hosts: string[]): Promise<Record<string, string | undefined>> {
  const server = createServer({ cert: read(files.certificate), key: read(files.key) });
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const results: Record<string, string | undefined> = {};
  for (const host of hosts) {
    const isAddress = /^[\d.:]+$/.test(host);
    const socket = connect({
      port,
      host: "127.0.0.1",
      ca: read(files.authority),
      ...(isAddress ? {} : { servername: host }),
    });
    results[host] = await new Promise((resolve) => {
      socket.once("secureConnect", () => resolve(undefined));
      socket.once("error", (error: NodeJS.ErrnoException) =>
        resolve(error.code === "UNSPECIFIED" ? error.message : error.code),
      );
    });
    socket.destroy();
  }
  server.close();
  return results;
}

describe("LocalCertificate", () => {
  it("is accepted for every name of the platform by those who trust its authority", async () => {
    await new LocalCertificate(files, "apps.example").ensure(certificateNames("apps.example", ["dev", "team"]));
    expect(
      await connectAs([
        ...["127.0.0.1", "localhost", "apps.example", "dashboard.apps.example", "hello.dev.apps.example"],
        ...["01234567-hello.team.apps.example", "site.pages.apps.example"],
        ...["hello.other.apps.example", "evil.example"],
      ]),
    ).toEqual({
      "127.0.0.1": undefined,
      localhost: undefined,
      "apps.example": undefined,
      "dashboard.apps.example": undefined,
      "hello.dev.apps.example": undefined,
      "01234567-hello.team.apps.example": undefined,
      "site.pages.apps.example": undefined,
      "hello.other.apps.example": "ERR_TLS_CERT_ALTNAME_INVALID",
      "evil.example": "ERR_TLS_CERT_ALTNAME_INVALID",
    });
  });

  it("keeps its keys for this user and its leaf short-lived", async () => {
    await new LocalCertificate(files, "localhost").ensure(certificateNames("localhost", ["dev"]));
    expect(statSync(files.authorityKey).mode & 0o777).toBe(0o600);
    expect(statSync(files.key).mode & 0o777).toBe(0o600);
    const leaf = new X509Certificate(read(files.certificate));
    const days = (leaf.validToDate.getTime() - leaf.validFromDate.getTime()) / 86_400_000;
    expect(days).toBeLessThanOrEqual(397);
    expect(leaf.ca).toBe(false);
  });

  it("has an authority that cannot certify other sites", async () => {
    await new LocalCertificate(files, "localhost").ensure(certificateNames("localhost", ["dev"]));
    const authority = read(files.authority);
    // The same authority, made to certify a name that its constraints do not permit.
    const { makeCertificate } = await import("./certificate-maker.ts");
    const forged = await makeCertificate({
      domain: "localhost",
      names: { dns: ["bank.example"], ip: [] },
      authority: { certificate: authority, key: read(files.authorityKey) },
    });
    writeFileSync(files.certificate, forged.leaf.certificate);
    writeFileSync(files.key, forged.leaf.key);
    expect(await connectAs(["bank.example"])).toEqual({ "bank.example": "permitted subtree violation" });
  });

  it("makes nothing while nothing changed, also after a restart", async () => {
    expect(await new LocalCertificate(files, "localhost").ensure(certificateNames("localhost", ["dev"]))).toBe(true);
    const restarted = new LocalCertificate(files, "localhost");
    expect(await restarted.ensure(certificateNames("localhost", ["dev"]))).toBe(false);
    expect(await restarted.ensure(certificateNames("localhost", ["dev"]))).toBe(false);
  });

  it("makes a leaf for new names under the same authority", async () => {
    const certificate = new LocalCertificate(files, "localhost");
    await certificate.ensure(certificateNames("localhost", ["dev"]));
    const authority = read(files.authority);
    expect(await certificate.ensure(certificateNames("localhost", ["dev", "team"]))).toBe(true);
    expect(read(files.authority)).toBe(authority);
    expect(await connectAs(["hello.team.localhost"])).toEqual({ "hello.team.localhost": undefined });
  });

  it("makes a new authority for a new domain", async () => {
    await new LocalCertificate(files, "one.example").ensure(certificateNames("one.example", ["dev"]));
    const authority = read(files.authority);
    await new LocalCertificate(files, "two.example").ensure(certificateNames("two.example", ["dev"]));
    expect(read(files.authority)).not.toBe(authority);
    expect(await connectAs(["hello.dev.two.example"])).toEqual({ "hello.dev.two.example": undefined });
  });

  it("renews a leaf that has less than 30 days left", async () => {
    const certificate = new LocalCertificate(files, "localhost");
    await certificate.ensure(certificateNames("localhost", ["dev"]));
    const first = new X509Certificate(read(files.certificate));
    vi.useFakeTimers({ toFake: ["Date"], now: first.validToDate.getTime() - 31 * 86_400_000 });
    expect(await certificate.ensure(certificateNames("localhost", ["dev"]))).toBe(false);
    vi.setSystemTime(first.validToDate.getTime() - 29 * 86_400_000);
    expect(await certificate.ensure(certificateNames("localhost", ["dev"]))).toBe(true);
    expect(read(files.certificate)).not.toBe(first.toString());
  });

  it.each(["certificate", "key", "authority", "authorityKey"] as const)("mends a damaged %s", async (name) => {
    await new LocalCertificate(files, "localhost").ensure(certificateNames("localhost", ["dev"]));
    writeFileSync(files[name], "damaged");
    expect(await new LocalCertificate(files, "localhost").ensure(certificateNames("localhost", ["dev"]))).toBe(true);
    expect(await connectAs(["hello.dev.localhost"])).toEqual({ "hello.dev.localhost": undefined });
  });
});

describe("nameConstraints", () => {
  it("encodes long domains", () => {
    const domain = `${"a".repeat(60)}.${"b".repeat(60)}.${"c".repeat(60)}.example`;
    const encoded = Buffer.from(nameConstraints(domain));
    expect(encoded.includes(Buffer.from(domain))).toBe(true);
    // Tag, then a length in two bytes that covers all the rest.
    expect([encoded[0], encoded[1], encoded.readUInt16BE(2)]).toEqual([0x30, 0x82, encoded.length - 4]);
  });

  it("covers each name once", () => {
    expect(certificateNames("localhost", ["dev"]).dns).toEqual([
      "*.dev.localhost",
      "*.pages.localhost",
      "*.r2.localhost",
      "*.s3.localhost",
      "localhost",
      "s3.localhost",
    ]);
  });
});
