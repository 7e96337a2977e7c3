/** A script with Durable Objects, and a Worker that uses them in every way. For tests and benches only. */

/** Calls an object of its binding `ROOM` in the way that the path names, and answers with what came of it as JSON. */
export const OBJECTS_CALLER = `
let looping = false;
const room = ({ ROOM }, name = "a") => ROOM.getByName(name);
const until = (socket, type) => new Promise((resolve) => socket.addEventListener(type, resolve, { once: true }));
async function openSocket(env, name) {
  const { webSocket } = await room(env, name).fetch("https://object/socket", { headers: { upgrade: "websocket" } });
  webSocket.accept();
  return webSocket;
}

const calls = {
  fetch: async (env) => (await room(env).fetch("https://object.example/p?q",
    { method: "POST", body: "hello", headers: { "x-a": "1" }, cf: { colo: "X" } })).json(),
  streamed: async (env) => (await room(env).fetch("https://object.example/p",
    { method: "POST", body: new Response("hello").body, headers: { "x-a": "2" } })).json(),
  large: async (env) => (await (await room(env).fetch("https://object/large")).arrayBuffer()).byteLength,
  redirect: async (env) => {
    const { status, headers } = await room(env).fetch("https://object/redirect", { redirect: "manual" });
    return [status, headers.get("location")];
  },
  add: (env) => room(env).add(1, 2),
  values: async (env) => {
    const [date, map, set, bytes, nothing] = await room(env).same(
      new Date(5), new Map([[1, { a: 2n }]]), new Set(["x"]), new Uint8Array([1, 2]), undefined);
    return [date.getTime(), String(map.get(1).a), set.has("x"), bytes[1], nothing === undefined];
  },
  property: (env) => room(env).property,
  async propertyObject(env) { return (await room(env).propertyObject).a },
  callback: (env) => room(env).twice((value) => value * 2, 5),
  pipelined: (env) => room(env).counter(10).increment(1),
  async target(env) {
    using counter = await room(env).counter(0);
    return [await counter.increment(1), await counter.increment(5)];
  },
  stream: async (env) => new Response(await room(env).stream()).text(),
  upload: (env) => room(env).read(new Response("uploaded").body),
  throws: (env) => room(env).throws(),
  throwsInFetch: (env) => room(env).fetch("https://object/throws"),
  missing: (env) => room(env).missing(),
  reserved: (env) => room(env).alarm(),
  async socket(env) {
    const { readable, writable } = room(env).connect("object:1");
    const writer = writable.getWriter();
    void writer.write(new TextEncoder().encode("ping")).then(() => writer.close());
    return new Response(readable).text();
  },
  async webSocket(env) {
    const socket = await openSocket(env, "chat");
    const reply = until(socket, "message");
    socket.send("hi");
    const { data } = await reply;
    const closed = until(socket, "close");
    socket.close(4001, "bye");
    const { code } = await closed;
    return [data, code];
  },
  async sockets(env) {
    const sockets = await Promise.all(Array.from({ length: 1000 }, () => openSocket(env, "crowd")));
    const all = sockets.map((socket) => until(socket, "message"));
    const sent = await room(env, "crowd").broadcast("all");
    const heard = (await Promise.all(all)).filter(({ data }) => data === "all").length;
    for (const socket of sockets) socket.close();
    return [sent, heard];
  },
  async ids({ ROOM }) {
    const named = ROOM.idFromName("a");
    const unique = ROOM.newUniqueId();
    return [
      (await ROOM.get(named).whoami()).id === named.toString(),
      (await ROOM.get(unique).whoami()).id === unique.toString(),
      ROOM.idFromString(unique.toString()).equals(unique),
      await ROOM.get(named).whoami(),
      (await ROOM.get(unique).whoami()).name ?? null,
      named.name,
      ROOM.get(named, { locationHint: "weur" }).id.equals(named),
    ];
  },
  wrongId({ ROOM }) { ROOM.idFromString("0".repeat(64)) },
  async order(env) {
    const stub = env.ROOM.get(env.ROOM.newUniqueId());
    await Promise.all(Array.from({ length: 200 }, (_, index) => stub.note(index)));
    const notes = await stub.notes();
    return notes.length === 200 && notes.every((note, index) => note === index);
  },
  async orderInTurns(env) {
    const stub = env.ROOM.get(env.ROOM.newUniqueId());
    const calls = [];
    for (let index = 0; index < 200; index++) {
      calls.push(stub.note(index));
      if (index % 7 === 0) await scheduler.wait(index % 2);
    }
    await Promise.all(calls);
    return (await stub.notes()).every((note, index) => note === index);
  },
  async longLived(env) {
    const stub = room(env, "long");
    for (let i = 0; i < 3; i++) await stub.note(i);
    const counter = await stub.counter(0);
    const slow = stub.sleep(2500);
    const text = new Response(await stub.drip(3, 800)).text();
    await scheduler.wait(2200);
    return [await counter.increment(1), await slow, await text];
  },
  async sameObject(env) {
    const before = await room(env, "one").bump();
    const after = await room(env, "one").bump();
    return after - before;
  },
  async storage(env) {
    await room(env, "kv").put("k", { v: [1] });
    return room(env, "kv").get("k");
  },
  async sql(env) {
    await room(env, "sql").insert("x");
    return room(env, "sql").select();
  },
  async block(env) { return Promise.all([room(env, "block").blocked(), room(env, "block").blocked()]) },
  async alarm(env) {
    const stub = room(env, "alarm");
    await stub.alarmIn(50);
    return stub.alarmed();
  },
  version: (env) => room(env).version(),
  bump: (env) => room(env, "moving").bump(),
  count: (env) => room(env, "count").bump(),
  stored: (env) => room(env, "moving").stored(),
  slow: (env) => room(env).slow(),
  slowStream: (env) => room(env).slowRead(new Response("x").body),
  async loop(env) {
    let last = 0;
    for (looping = true; looping; ) {
      const now = await room(env, "moving").bump();
      if (now !== last + 1 && last > 0) throw new Error("after " + last + " came " + now);
      last = now;
      await (await room(env, "moving").fetch("https://object/p", { method: "POST", body: "x" })).text();
      await room(env, "moving").property;
      await scheduler.wait(1);
    }
    return last;
  },
  async endLoop() { looping = false },
};

export default {
  async fetch(request, env) {
    try {
      return Response.json({ result: await calls[new URL(request.url).pathname.slice(1)](env) });
    } catch (error) {
      const { name, message, code, retryable, overloaded, remote } = error;
      return Response.json({ error: name + ": " + message, code, retryable, overloaded, remote });
    }
  },
};`;

/** The script that has the class `Room`, and calls its own objects as {@link OBJECTS_CALLER} does. */
export const objectsOwner = (version: string) => `
import { DurableObject, RpcTarget } from "cloudflare:workers";

class Counter extends RpcTarget {
  #count;
  constructor(start) { super(); this.#count = start }
  increment(by) { return (this.#count += by) }
}

export class Room extends DurableObject {
  #blocked = 0;
  #alarm = Promise.withResolvers();
  propertyOfInstance = 1;

  async fetch(request) {
    const { method, url, cf, headers } = request;
    const { pathname } = new URL(url);
    if (pathname === "/socket") {
      const [client, server] = Object.values(new WebSocketPair());
      this.ctx.acceptWebSocket(server);
      return new Response(null, { status: 101, webSocket: client });
    }
    if (pathname === "/large") return new Response(new Uint8Array(5_000_000));
    if (pathname === "/redirect") return Response.redirect("https://elsewhere.example/", 302);
    if (pathname === "/throws") throw Object.assign(new RangeError("thrown"), { code: 42 });
    return Response.json({ method, url, cf, a: headers.get("x-a"), body: await request.text() });
  }
  webSocketMessage(socket, message) { socket.send("echo " + message) }
  webSocketClose(socket, code, reason) { socket.close(code, reason) }
  broadcast(text) { const all = this.ctx.getWebSockets(); for (const socket of all) socket.send(text); return all.length }
  connect({ readable, writable }) { return readable.pipeTo(writable) }
  add(a, b) { return a + b }
  same(...values) { return values }
  get property() { return 7 }
  get propertyObject() { return { a: 8 } }
  twice(f, value) { return f(value) }
  counter(start) { return new Counter(start) }
  stream() { return new Response("streamed").body }
  read(stream) { return new Response(stream).text() }
  throws() { throw Object.assign(new RangeError("thrown"), { code: 42 }) }
  whoami() { return { id: this.ctx.id.toString(), name: this.ctx.id.name } }
  // Stored: the runtime forgets an object that rests, which a busy machine may have it do between two calls.
  note(index) { const { kv } = this.ctx.storage; kv.put("notes", [...this.notes(), index]) }
  notes() { return this.ctx.storage.kv.get("notes") ?? [] }
  bump() { const { kv } = this.ctx.storage; const count = (kv.get("count") ?? 0) + 1; kv.put("count", count); return count }
  stored() { return this.ctx.storage.kv.get("count") }
  put(key, value) { return this.ctx.storage.put(key, value) }
  get(key) { return this.ctx.storage.get(key) }
  insert(text) {
    this.ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS t (text)");
    this.ctx.storage.sql.exec("INSERT INTO t VALUES (?)", text);
  }
  select() { return this.ctx.storage.sql.exec("SELECT count(*) > 0 AS some FROM t").one().some }
  blocked() {
    return this.ctx.blockConcurrencyWhile(async () => {
      if (this.#blocked++ > 0) throw new Error("two at once");
      await scheduler.wait(10);
      this.#blocked--;
      return true;
    });
  }
  alarmIn(ms) { return this.ctx.storage.setAlarm(Date.now() + ms) }
  alarm() { this.#alarm.resolve("rang for " + this.ctx.id.name) }
  alarmed() { return this.#alarm.promise }
  version() { return ${JSON.stringify(version)} }
  async sleep(ms) { await scheduler.wait(ms); return ms }
  drip(count, ms) {
    const { readable, writable } = new IdentityTransformStream();
    (async () => {
      const writer = writable.getWriter();
      for (let i = 0; i < count; i++) { await scheduler.wait(ms); await writer.write(new TextEncoder().encode(String(i))); }
      await writer.close();
    })();
    return readable;
  }
  async slow() { console.log("slow called"); await scheduler.wait(700); return "slow done" }
  async slowRead(stream) { console.log("slow called"); await scheduler.wait(300); return new Response(stream).text() }
}
${OBJECTS_CALLER}`;
