import type { AttachRequest } from "../domain/messages.ts";
import type { Service } from "./config.ts";
import { INTERNET } from "./network.ts";
import { runtimeText } from "./runtime-text.ts";

/** Behind the global `fetch()` of Workers whose account has domains here. */
export const OUTBOUND_SERVICE = "outbound";

const COMPATIBILITY_DATE = "2026-06-01";

/** `ports`: on which the platform itself serves. */
export function outboundServices(
  servicesDir: string,
  { plain, secure }: NonNullable<AttachRequest["outbound"]>,
  ports: number[],
): Service[] {
  const edge = (name: string, socket: string): Service => ({
    name,
    external: { address: `unix:${servicesDir}/${socket}`, http: {} },
  });
  return [
    {
      name: OUTBOUND_SERVICE,
      worker: {
        compatibilityDate: COMPATIBILITY_DATE,
        compatibilityFlags: ["connect_pass_through"],
        modules: [{ name: "outbound.js", esModule: runtimeText("outbound") }],
        globalOutbound: INTERNET,
        bindings: [
          { name: "internet", service: INTERNET },
          { name: "plain", service: "edge-plain" },
          { name: "secure", service: "edge-secure" },
          { name: "ports", json: JSON.stringify(ports.map(String)) },
        ],
      },
    },
    edge("edge-plain", plain),
    edge("edge-secure", secure),
  ];
}
