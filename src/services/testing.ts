/** A caller and a callee with every way to call, joined by the broker. For tests and benches only. */

/** Calls its binding `CALLEE` in the way that the path names, and answers with what came of it as JSON. */
export const CALLER = `
const calls = {
  fetch: async ({ CALLEE }) => (await CALLEE.fetch("https://callee.example/p?q",
    { method: "POST", body: "hello", headers: { "x-a": "1" }, cf: { colo: "X" } })).json(),
  version: ({ CALLEE }) => CALLEE.version(),
  add: ({ CALLEE }) => CALLEE.add(1, 2),
  property: ({ CALLEE }) => CALLEE.property,
  reserved: ({ CALLEE }) => CALLEE.test("t"),
  callback: ({ CALLEE }) => CALLEE.twice((value) => value * 2, 5),
  pipelined: ({ CALLEE }) => CALLEE.counter(10).increment(1),
  async target({ CALLEE }) {
    using counter = await CALLEE.counter(0);
    return [await counter.increment(1), await counter.increment(5), await counter.child.increment(2)];
  },
  async stream({ CALLEE }) { return new Response(await CALLEE.stream()).text() },
  throws: ({ CALLEE }) => CALLEE.throws(),
  missing: ({ CALLEE }) => CALLEE.missing(),
  async socket({ CALLEE }) {
    const { readable, writable } = CALLEE.connect("callee:1");
    const writer = writable.getWriter();
    await writer.write(new TextEncoder().encode("ping"));
    await writer.close();
    return new Response(readable).text();
  },
  async websocket({ CALLEE }) {
    const { webSocket } = await CALLEE.fetch("https://x/", { headers: { upgrade: "websocket" } });
    webSocket.accept();
    const reply = new Promise((resolve) => webSocket.addEventListener("message", ({ data }) => resolve(data)));
    webSocket.send("hi");
    const data = await reply;
    webSocket.close();
    return data;
  },
  concurrent: async ({ CALLEE }) =>
    (await Promise.all(Array.from({ length: 100 }, (_, index) => CALLEE.add(index, 0)))).reduce((a, b) => a + b),
  async many({ CALLEE }) { let sum = 0; for (let i = 0; i < 1000; i++) sum += await CALLEE.add(i % 2, 0); return sum },
  slow: ({ CALLEE }) => CALLEE.slow(),
  overridden: async ({ CALLEE }) => (await CALLEE.fetch("https://x/version",
    { headers: { "Cloudflare-Workers-Version-Overrides": 'callee="v2"' } })).text(),
  async keyed({ CALLEE }) {
    const versions = [];
    for (let index = 0; index < 20; index++) {
      const headers = { "Cloudflare-Workers-Version-Key": "user " + (index % 10) };
      versions.push(await (await CALLEE.fetch("https://x/version", { headers })).text());
    }
    return versions;
  },
  large: async ({ CALLEE }) => (await (await CALLEE.fetch("https://x/large")).arrayBuffer()).byteLength,
};

export default {
  async fetch(request, env) {
    try {
      return Response.json({ result: await calls[new URL(request.url).pathname.slice(1)](env) });
    } catch (error) {
      return Response.json({ error: error.name + ": " + error.message, code: error.code });
    }
  },
};`;

/** A callee with a named entrypoint `Api` and a default export. */
export const callee = (version: string) => `
import { RpcTarget, WorkerEntrypoint } from "cloudflare:workers";

class Counter extends RpcTarget {
  #count;
  constructor(start) { super(); this.#count = start }
  increment(by) { return (this.#count += by) }
  get child() { return new Counter(100) }
}

export class Api extends WorkerEntrypoint {
  async fetch(request) {
    if (request.headers.get("upgrade")) {
      const [client, server] = Object.values(new WebSocketPair());
      server.accept();
      server.addEventListener("message", ({ data }) => server.send("echo " + data));
      return new Response(null, { status: 101, webSocket: client });
    }
    const { method, url, cf, headers } = request;
    if (new URL(url).pathname === "/large") return new Response(new Uint8Array(20_000_000));
    if (new URL(url).pathname === "/version") return new Response(${JSON.stringify(version)});
    return Response.json({ method, url, cf, a: headers.get("x-a"), body: await request.text(), props: this.ctx.props });
  }
  connect({ readable, writable }) { return readable.pipeTo(writable) }
  version() { return ${JSON.stringify(version)} }
  add(a, b) { return a + b }
  get property() { return 7 }
  test(text) { return "tested " + text }
  twice(f, value) { return f(value) }
  counter(start) { return new Counter(start) }
  stream() {
    return new ReadableStream({ type: "bytes", start(controller) {
      controller.enqueue(new TextEncoder().encode("streamed"));
      controller.close();
    } });
  }
  throws() { throw Object.assign(new RangeError("thrown"), { code: 42 }) }
  async slow() {
    console.log("slow called");
    await scheduler.wait(500);
    return ${JSON.stringify(version)};
  }
}

export default { fetch: () => Response.json("default") };`;
