import { isDeepStrictEqual } from "node:util";
import type { LinkTarget } from "../domain/messages.ts";
import type { LaunchRecord } from "../domain/version.ts";
import type { LaunchBinding, LaunchState, StateLaunch } from "./binding-launch.ts";
import { capnpText } from "./capnp.ts";
import { Embed, type Extension, type Service, type Socket, type WorkerSettings } from "./config.ts";
import { workerCode } from "./entry.ts";
import { EVENTS_SERVICE, eventsService, takesEvents } from "./events.ts";
import { GATE_SERVICE, gateService } from "./gate.ts";
import { internetService, unreachableInternet } from "./network.ts";
import { OBJECTS_SERVICE, objectsService, type RemoteNamespace, remoteClassName } from "./objects.ts";
import { OUTBOUND_SERVICE, outboundServices } from "./outbound.ts";
import { type FileContent, type LaunchContext, type LaunchPlan, socketNames } from "./plan.ts";
import { runtimeText } from "./runtime-text.ts";
import { STATE_SERVICE } from "./state.ts";
import { TAIL_SERVICE, tailServices } from "./tail.ts";

/** Name of the service that runs the version's code. Other runners' links name it too. */
export const USER_SERVICE = "user";

/**
 * Makes the plan for a launch record. `products/launch.ts` supplies `launchBinding` and `launchStates`; everyone
 * else calls the `planLaunch` there.
 */
export function composeLaunchPlan(
  record: LaunchRecord,
  context: LaunchContext,
  launchBinding: LaunchBinding,
  launchStates: LaunchState[],
  cacheService: (backendsSocket: string) => Service,
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

  let backends: LaunchPlan["backends"];
  const backendsSocket = (): string => {
    backends ??= { socket: "backends.sock" };
    return `${context.servicesDir}/${backends.socket}`;
  };

  const remote: RemoteNamespace[] = [];
  const remoteClass = (namespaceId: string, reachable: boolean) => {
    if (!remote.some((known) => known.namespaceId === namespaceId)) {
      const reached = reachable && mode === "serve";
      remote.push({ namespaceId, ...(reached && { socketPath: linkSocket({ stateId: namespaceId }) }) });
    }
    return { className: remoteClassName(namespaceId), serviceName: OBJECTS_SERVICE };
  };

  const outbound =
    mode === "serve" && record.hasDomains
      ? { script: record.scriptName, plain: "edge-plain.sock", secure: "edge-secure.sock" }
      : undefined;

  const { placement } = context;
  const launches = record.bindings.map((binding) =>
    launchBinding(binding, {
      record,
      mode,
      placement,
      unseal,
      embed,
      linkSocket,
      assetsSocket,
      backendsSocket,
      remoteClass,
    }),
  );
  // Nothing can be asked of a cache while code is only looked at.
  const cache = mode === "serve" ? cacheService(backendsSocket()) : undefined;
  const owned = ownedState(record, context, launchStates);
  const state = owned.flatMap((part) => part.state ?? []);
  const events = mode === "serve" && takesEvents(record);
  const traced = mode === "serve" && context.traced === true;
  const sockets = listeners(context, { gate: state.length > 0, events, traced });
  const config = capnpText({
    // With V8's own initial size the garbage of the smallest Worker grows to 280 MB under load before it is collected.
    v8Flags: [`--max-old-space-size=${record.limits.memoryMb}`, "--initial-heap-size=8"],
    services: [
      {
        name: USER_SERVICE,
        worker: {
          ...workerCode(
            record,
            mode,
            embed,
            owned.flatMap(({ aliases }) => aliases ?? []),
          ),
          bindings: launches.map((launch) => launch.binding),
          ...userState(owned),
          ...(cache && { cacheApiOutbound: cache.name }),
          ...(outbound && { globalOutbound: OUTBOUND_SERVICE }),
          ...(traced && { tails: [TAIL_SERVICE] }),
        },
      },
      mode === "serve" ? internetService(context.allowPrivate) : unreachableInternet(),
      ...(outbound ? outboundServices(context.servicesDir, outbound, context.ports ?? []) : []),
      { name: "health", disk: { path: context.emptyDir } },
      ...(cache ? [cache] : []),
      ...uniqueByName([...launches, ...owned].flatMap((launch) => launch.services ?? [])),
      ...(remote.length > 0 ? [objectsService(remote)] : []),
      ...(state.length > 0 ? stateServices(owned, context) : []),
      ...(events ? [eventsService(USER_SERVICE, record)] : []),
      ...(traced ? tailServices(backendsSocket()) : []),
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
    state,
    ...(assets && { assets }),
    ...(backends && { backends }),
    ...(outbound && { outbound }),
    events,
    traced,
    sockets: sockets.length,
  };
}

/** The parts of all products that keep state here. */
function ownedState(record: LaunchRecord, { mode, placement }: LaunchContext, states: LaunchState[]): StateLaunch[] {
  if (mode !== "serve" || placement.kind === "none") return [];
  return states.flatMap((launchState) => launchState({ record, placement }) ?? []);
}

function userState(
  owned: StateLaunch[],
): Pick<WorkerSettings, "durableObjectNamespaces" | "durableObjectStorage" | "workflowsEngine"> {
  if (!owned.some(({ state = [] }) => state.length > 0)) return {};
  const namespaces = owned.flatMap(({ user }) => user?.durableObjectNamespaces ?? []);
  return {
    ...Object.assign({}, ...owned.map(({ user }) => user)),
    ...(namespaces.length > 0 && { durableObjectNamespaces: namespaces }),
    durableObjectStorage: { localDisk: STATE_SERVICE },
  };
}

function stateServices(owned: StateLaunch[], context: LaunchContext): Service[] {
  return [
    { name: STATE_SERVICE, disk: { path: context.stateDir, writable: true } },
    gateService(
      owned.flatMap(({ gate }) => gate ?? []),
      context,
    ),
  ];
}

function listeners({ socketDir }: LaunchContext, has: { gate: boolean; events: boolean; traced: boolean }): Socket[] {
  const plain = (name: "health" | "gate" | "events" | "reports", service: string): Socket => ({
    name,
    address: `unix:${socketDir}/${socketNames[name]}`,
    http: {},
    service,
  });
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
    plain("health", "health"),
    ...(has.gate ? [plain("gate", GATE_SERVICE)] : []),
    ...(has.events ? [plain("events", EVENTS_SERVICE)] : []),
    ...(has.traced ? [plain("reports", TAIL_SERVICE)] : []),
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
