import { isDeepStrictEqual } from "node:util";
import type { LinkTarget } from "../domain/messages.ts";
import type { LaunchRecord } from "../domain/version.ts";
import type { LaunchBinding } from "./binding-launch.ts";
import { capnpText } from "./capnp.ts";
import { Embed, type Extension, type Service, type Socket } from "./config.ts";
import { workerCode } from "./entry.ts";
import { internetService, unreachableInternet } from "./network.ts";
import { type FileContent, type LaunchContext, type LaunchPlan, socketNames } from "./plan.ts";
import { runtimeText } from "./runtime-text.ts";

/** Name of the service that runs the version's code. Other runners' links name it too. */
export const USER_SERVICE = "user";

/**
 * Makes the plan for a launch record. `products/launch.ts` supplies `launchBinding`; everyone
 * else calls the `planLaunch` there.
 */
export function composeLaunchPlan(
  record: LaunchRecord,
  context: LaunchContext,
  launchBinding: LaunchBinding,
): LaunchPlan {
  const { mode, unseal } = context;
  const files: LaunchPlan["files"] = [];
  const links: LaunchPlan["links"] = [];

  const embed = (content: FileContent): Embed => {
    const path = `m/${files.length}`;
    files.push({ path, content });
    return new Embed(path);
  };
  const linkSocket = (to: LinkTarget): string => {
    const socket = links.find((known) => isDeepStrictEqual(known.to, to))?.socket ?? `link-${links.length}.sock`;
    if (!links.some((known) => known.socket === socket)) links.push({ socket, to });
    return `${context.servicesDir}/${socket}`;
  };

  let assets: LaunchPlan["assets"];
  const assetsSocket = (): string => {
    assets ??= { socket: "assets.sock" };
    return `${context.servicesDir}/${assets.socket}`;
  };

  const launches = record.bindings.map((binding) =>
    launchBinding(binding, { record, mode, unseal, embed, linkSocket, assetsSocket }),
  );
  const sockets = listeners(context);
  const config = capnpText({
    // With V8's own initial size the garbage of the smallest Worker grows to 280 MB under load before it is collected.
    v8Flags: [`--max-old-space-size=${record.limits.memoryMb}`, "--initial-heap-size=8"],
    services: [
      {
        name: USER_SERVICE,
        worker: {
          ...workerCode(record, mode, embed),
          bindings: launches.map((launch) => launch.binding),
        },
      },
      mode === "serve" ? internetService(context.allowPrivate) : unreachableInternet(),
      { name: "health", disk: { path: context.emptyDir } },
      ...uniqueByName(launches.flatMap((launch) => launch.services ?? [])),
    ],
    sockets,
    extensions: [
      { modules: uniqueByName([emailModule(), ...launches.flatMap((launch) => launch.extensionModules ?? [])]) },
    ],
  });
  return {
    config,
    files,
    arguments: programArguments(context),
    links,
    state: [],
    ...(assets && { assets }),
    sockets: sockets.length,
  };
}

function listeners({ socketDir }: LaunchContext): Socket[] {
  return [
    {
      name: "http",
      address: `unix:${socketDir}/${socketNames.http}`,
      http: {
        cfBlobHeader: "cf-blob",
        // Taken off the request by the runtime; x-forwarded-proto is for the Worker.
        forwardedProtoHeader: "x-forwarded-scheme",
        // The edge tells an uncaught exception by the absence of this header.
        injectResponseHeaders: [{ name: "server", value: "freehold" }],
      },
      service: USER_SERVICE,
    },
    { name: "health", address: `unix:${socketDir}/${socketNames.health}`, http: {}, service: "health" },
  ];
}

/**
 * Any other script may bind this one later, so the RPC port is always there: it costs neither memory nor
 * time (measured: 26.8 ms and 9.25 MB private with it, 26.2 ms and 9.25 MB without). It needs `--experimental`, under which
 * workerd would also accept experimental compatibility flags. That is why `inspect` goes without: there workerd refuses them,
 * and what it refuses is never served.
 */
function programArguments({ mode, socketDir }: LaunchContext): string[] {
  return mode === "serve" ? ["--experimental", `--debug-port=unix:${socketDir}/${socketNames.rpc}`] : [];
}

/** `cloudflare:email` imports it, and the binary has none. Costs nothing until imported (measured). */
function emailModule(): Extension["modules"][number] {
  return { name: "cloudflare-internal:email", internal: true, esModule: runtimeText("email") };
}

function uniqueByName<T extends Pick<Service, "name">>(items: T[]): T[] {
  return [...new Map(items.map((item) => [item.name, item])).values()];
}
