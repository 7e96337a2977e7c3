import { lookup } from "node:dns";
import { Agent, type AgentOptions } from "node:https";
import { BlockList, isIP, isIPv6, type LookupFunction } from "node:net";
import { PRIVATE_RANGES, SPECIAL_RANGES } from "./network.ts";

/** Which addresses the platform itself may connect to on behalf of tenants: those that Workers reach, too. */
export class ReachableAddresses {
  readonly #allowed: BlockList;
  readonly #denied: BlockList;

  /** `allowPrivate`: ranges (CIDR) that the operator allows although they are private. */
  constructor(allowPrivate: readonly string[]) {
    this.#allowed = listOf(allowPrivate);
    this.#denied = listOf([...PRIVATE_RANGES, ...SPECIAL_RANGES]);
  }

  has(address: string): boolean {
    // An IPv4 address in IPv6's clothes is that address.
    const plain = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
    const family = isIPv6(plain) ? "ipv6" : "ipv4";
    if (this.#allowed.check(plain, family)) return true;
    return isIP(plain) !== 0 && !/^::ffff:/i.test(plain) && !this.#denied.check(plain, family);
  }
}

function listOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [network = "", bits] = range.split("/");
    list.addSubnet(network, Number(bits), isIPv6(network) ? "ipv6" : "ipv4");
  }
  return list;
}

/**
 * Makes HTTPS connections to reachable addresses only. The address is looked at in the moment of connecting, so a name that
 * leads elsewhere a moment later is of no use.
 */
export class GuardedAgent extends Agent {
  readonly #reachable: ReachableAddresses;

  constructor(reachable: ReachableAddresses, options: AgentOptions = {}) {
    super({ ...options, keepAlive: false });
    this.#reachable = reachable;
  }

  override createConnection(...[options, callback]: Parameters<Agent["createConnection"]>) {
    const host = options.host ?? "";
    const address = host.replace(/^\[|\]$/g, "");
    // Node looks up names only.
    if (isIP(address) !== 0 && !this.#reachable.has(address)) {
      callback?.(unreachable(host), undefined as never);
      return undefined;
    }
    return super.createConnection({ ...options, lookup: this.#lookup }, callback);
  }

  readonly #lookup: LookupFunction = (host, options, done) => {
    lookup(host, { ...options, all: true }, (error, found) => {
      if (error) {
        done(error, "", 0);
        return;
      }
      const addresses = found.filter(({ address }) => this.#reachable.has(address));
      const [first] = addresses;
      if (first === undefined) done(unreachable(host), "", 0);
      else if (options.all) done(null, addresses);
      else done(null, first.address, first.family);
    });
  };
}

/** Tenants read it: where a name leads in the operator's network is none of their business. */
function unreachable(host: string): Error {
  return new Error(`${host} is no public address; only the operator can allow others`);
}
