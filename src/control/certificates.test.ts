import { X509Certificate } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { paths } from "../domain/paths.ts";
import type { RoutingSnapshot } from "../domain/routing.ts";
import { Certificates } from "./certificates.ts";

let directory: string;
let files: ReturnType<typeof paths>;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "freehold-tls-"));
  files = paths({ dataDir: directory, runDir: directory });
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const read = (path: string) => readFileSync(path, "utf8");
const certificateOf = (name: string) => new X509Certificate(read(files.tlsOf(name).certificate));
const snapshot = (...names: string[]): RoutingSnapshot => ({
  ...{ generation: 1, accounts: [{ id: "a", subdomain: "dev" }], scripts: [] },
  zones: names.map((name) => ({ accountId: "a", name, routes: [] })),
});

it("a domain of its own has an authority of its own, and leaves the others as they are", async () => {
  const certificates = new Certificates(files, "localhost");
  await certificates.ensure(snapshot("example.com"));
  const [base, first] = [read(files.tls.authority), read(files.tlsOf("example.com").authority)];
  expect(certificateOf("example.com").checkHost("www.example.com")).toBe("*.example.com");
  expect(certificateOf("example.com").verify(new X509Certificate(first).publicKey)).toBe(true);

  await certificates.ensure(snapshot("example.com", "example.org"));
  expect(read(files.tls.authority)).toBe(base);
  expect(read(files.tlsOf("example.com").authority)).toBe(first);
  expect(certificateOf("example.org").checkHost("www.example.com")).toBeUndefined();

  await certificates.ensure(snapshot("example.org"));
  expect(existsSync(files.tlsOf("example.com").authority)).toBe(false);
  expect(existsSync(files.tlsOf("example.org").authority)).toBe(true);
});

it("a zone below the base domain is in the base domain's certificate", async () => {
  await new Certificates(files, "apps.example").ensure(snapshot("shop.apps.example", "shop.localhost"));
  const base = new X509Certificate(read(files.tls.certificate));
  for (const name of ["www.shop.apps.example", "www.shop.localhost", "hello.dev.apps.example"]) {
    expect(base.checkHost(name), name).toBeDefined();
  }
  expect(existsSync(files.domainsTls)).toBe(false);
});
