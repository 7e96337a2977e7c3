/** Helper for tests: an HTTPS server that keeps what is posted to it, as a destination of logs. */
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";

/** Of `localhost` and 127.0.0.1, for tests alone; it has no authority but itself. */
export const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBpTCCAUugAwIBAgIUQZESaOw2ozfmwVtH1j41LaF4R4YwCgYIKoZIzj0EAwIw
GTEXMBUGA1UEAwwORnJlZWhvbGQgdGVzdHMwIBcNMjYxMTI4MTAyOTU2WhgPMjEy
NjExMDQxMDI5NTZaMBkxFzAVBgNVBAMMDkZyZWVob2xkIHRlc3RzMFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEFUM2E9B+pn+XNPOW8g9rEOtZ089mM8beSP5cnSY/
7B8gdIUgrtd8sTZn0IxnEqpziaLuBRy09oeNG4TPmCH0pqNvMG0wHQYDVR0OBBYE
FCOXpWXuwvcz1jHcW8/vgrZrz6KsMB8GA1UdIwQYMBaAFCOXpWXuwvcz1jHcW8/v
grZrz6KsMA8GA1UdEwEB/wQFMAMBAf8wGgYDVR0RBBMwEYIJbG9jYWxob3N0hwR/
AAABMAoGCCqGSM49BAMCA0gAMEUCIQDt75F+VDvJM4rvJkP/t2vZ0fhcQQ4SWILg
O0wv0hrSAQIgWZcR+iX/Aa/Et/CanPupAreZMJ06bwJNVbAyXVw3erI=
-----END CERTIFICATE-----
`;

const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgLfUSZ6m5XExJuYHo
f91TtyqH8HGkl06MYtJIbE4+F92hRANCAAQVQzYT0H6mf5c085byD2sQ61nTz2Yz
xt5I/lydJj/sHyB0hSCu13yxNmfQjGcSqnOJou4FHLT2h40bhM+YIfSm
-----END PRIVATE KEY-----
`;

export interface Received {
  method: string;
  path: string;
  headers: Record<string, string | string[] | undefined>;
  /** Unpacked. */
  text: string;
}

export class LogReceiver {
  readonly received: Received[] = [];
  /** What the next requests are answered with. */
  status = 200;
  readonly #server = createServer({ cert: CERTIFICATE, key: KEY }, async (request, response) => {
    const body = Buffer.concat(await request.toArray());
    const { method = "", url: path = "", headers } = request;
    const text = (headers["content-encoding"] === "gzip" ? gunzipSync(body) : body).toString();
    if (this.status === 200) this.received.push({ method, path, headers, text });
    response.writeHead(this.status, this.status === 302 ? { location: "https://localhost/" } : {}).end("seen");
  });

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  /** Host and port. */
  get authority(): string {
    return `localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  /** What came after the test file, as lines of JSON. */
  get records(): Record<string, unknown>[] {
    const files = this.received.filter(({ text }) => text !== '{"content":"tests"}');
    return files.flatMap(({ text }) =>
      text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    );
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
