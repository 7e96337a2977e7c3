import { execFile } from "node:child_process";
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { promisify } from "node:util";
import { afterEach, expect, test } from "vitest";
import { Cleanup } from "../lib/http/testing.ts";
import { address, script, snapshot, socketPath, startEdge, startServer, type TestEdge } from "./testing.ts";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const HOST = "hello.acc.localhost";

/** Puts a self-signed certificate where the edge looks for it, and has it look. */
async function certify(edge: TestEdge, name: string): Promise<void> {
  const directory = join(edge.directory, "tls");
  const [key, certificate] = [join(edge.directory, `${name}.key`), join(edge.directory, `${name}.pem`)];
  const subject = ["-subj", `/CN=${name}`, "-days", "1"];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
  await promisify(execFile)("openssl", [
    "req",
    "-x509",
    "-nodes",
    ...curve,
    ...subject,
    "-keyout",
    key,
    "-out",
    certificate,
  ]);
  await mkdir(directory, { recursive: true });
  await copyFile(certificate, join(directory, "cert.pem"));
  await copyFile(key, join(directory, "cert.key"));
  await edge.route(snapshot(script("hello")));
}

async function secure(
  port: number,
  options: { ALPNProtocols?: string[]; servername?: string } = {},
): Promise<TLSSocket> {
  const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false, ...options });
  cleanup.add(() => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    socket.once("secureConnect", resolve);
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("closed")));
  });
  return socket;
}

async function exchange(socket: TLSSocket, fields = ""): Promise<string> {
  let text = "";
  socket.write(`GET / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n${fields}\r\n`);
  for await (const chunk of socket) text += chunk.toString("latin1");
  return text;
}

test("TLS and plain HTTP share the port; the Worker learns which it was", async () => {
  const path = await socketPath(cleanup);
  await startServer(cleanup, path, true, (request, response) => response.end(JSON.stringify(request.headers)));
  const edge = await startEdge(cleanup, { acquire: async (versionId) => address(versionId, path) });
  await expect(secure(edge.port)).rejects.toThrow();

  await certify(edge, "first.test");
  const socket = await secure(edge.port, { ALPNProtocols: ["h2", "http/1.1"] });
  expect(socket.alpnProtocol).toBe("http/1.1");
  const text = await exchange(socket);
  const headers = JSON.parse(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1));
  expect(headers).toMatchObject({ "x-forwarded-proto": "https", "cf-visitor": '{"scheme":"https"}' });
  expect(JSON.parse(headers["cf-blob"])).toMatchObject({ tlsVersion: "TLSv1.3", tlsCipher: expect.any(String) });
  expect((await edge.get(HOST)).body).toContain('"x-forwarded-proto":"http"');

  await certify(edge, "second.test");
  const renewed = await secure(edge.port);
  expect(renewed.getPeerCertificate().subject.CN).toBe("second.test");
});

test("a client that speaks only HTTP/2 is turned away in the handshake", async () => {
  const edge = await startEdge(cleanup, {});
  await certify(edge, "first.test");
  await expect(secure(edge.port, { ALPNProtocols: ["h2"] })).rejects.toThrow();
  expect((await edge.get("none.acc.localhost")).status).toBe(404);
});

test("a WebSocket over TLS ends as it should", async () => {
  const path = await socketPath(cleanup);
  const server = await startServer(cleanup, path, true, () => {});
  server.on("upgrade", (_request, socket) => {
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    socket.pipe(socket);
  });
  const edge = await startEdge(cleanup, { acquire: async (versionId) => address(versionId, path) });
  await certify(edge, "first.test");
  const socket = await secure(edge.port);
  socket.write(`GET / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello`);
  let text = "";
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
    if (text.endsWith("hello")) socket.end();
  });
  await new Promise((resolve) => socket.once("close", resolve));
  expect(text).toMatch(/^HTTP\/1.1 101 [\s\S]*\r\n\r\nhello$/);
});

test("a client gets the certificate of the domain that it asks for", async () => {
  const edge = await startEdge(cleanup, {});
  await certify(edge, "base.test");
  for (const name of ["example.com", "sub.example.com"]) {
    const directory = join(edge.directory, "tls", "domains", name);
    await mkdir(directory, { recursive: true });
    await certify(edge, name);
    await copyFile(join(edge.directory, "tls", "cert.pem"), join(directory, "cert.pem"));
    await copyFile(join(edge.directory, "tls", "cert.key"), join(directory, "cert.key"));
  }
  await certify(edge, "base.test");
  const zones = ["example.com", "sub.example.com", "unmade.example.org"];
  await edge.route({ ...snapshot(), zones: zones.map((name) => ({ accountId: "a", name, routes: [] })) });
  const shown = async (servername: string) => (await secure(edge.port, { servername })).getPeerCertificate().subject.CN;
  expect(await shown("WWW.example.com")).toBe("example.com");
  expect(await shown("a.sub.example.com")).toBe("sub.example.com");
  expect(await shown("www.unmade.example.org")).toBe("base.test");
  expect(await shown("other.test")).toBe("base.test");
  expect(await shown("hello.acc.localhost")).toBe("base.test");
});
