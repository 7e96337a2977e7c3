import type { EdgeCalls, ReleaseRequest, ServicesCalls } from "../domain/messages.ts";
import type { EdgeCounts } from "../domain/version-counts.ts";
import { DRAIN_TIMEOUT_MS, EVENTS_DRAIN_TIMEOUT_MS } from "./limits.ts";
import type { MemberGroup, Members } from "./pool.ts";
import type { Role, RoleName } from "./role.ts";

/** Edges load a new table in milliseconds; one that does not is not waited for. */
const ROUTES_TIMEOUT_MS = 10_000;
/** Asking whether a runner is idle involves no waiting. */
const IDLE_TIMEOUT_MS = 5000;
/** A runner is waiting to be judged. */
const IN_FLIGHT_TIMEOUT_MS = 50;
const ATTACH_TIMEOUT_MS = 5000;
/** An edge reads them from memory. */
const COUNTS_TIMEOUT_MS = 2000;

/** Those that send requests to runners: edges and services, together or apart. Those that send events: services and control. */
const groups: Record<MemberGroup | "events" | "every", readonly RoleName[]> = {
  all: ["edge", "services"],
  edges: ["edge"],
  services: ["services"],
  events: ["services", "control"],
  every: ["edge", "services", "control"],
};

/** The roles as a group. A process that ends in the middle of a call is as good as one that agreed. */
export class RoleMembers implements Members {
  #roles: () => Role[];

  constructor(roles: () => Role[]) {
    this.#roles = roles;
  }

  /** Resolves when all that run now route by the snapshot of this generation or a later one. */
  async routes(generation: number): Promise<void> {
    await this.#callAll("routes", { generation }, ROUTES_TIMEOUT_MS);
  }

  async release(request: ReleaseRequest, group: MemberGroup = "all"): Promise<boolean> {
    const timeoutMs = request.onlyIfIdle ? IDLE_TIMEOUT_MS : DRAIN_TIMEOUT_MS;
    // Control has events only, for which there is another call, but an event makes a runner busy.
    const asked = request.onlyIfIdle && group === "all" ? "every" : group;
    const replies = await this.#callAll("release", request, timeoutMs, asked);
    // Who was silent all that time may have something in flight.
    return replies.every((reply) => reply === "gone" || (reply !== "failed" && reply.released));
  }

  async finishEvents(instanceId: string): Promise<boolean> {
    const replies = await this.#callAll("finishEvents", { instanceId }, EVENTS_DRAIN_TIMEOUT_MS, "events");
    return !replies.includes("failed");
  }

  async inFlight(instanceId: string): Promise<number> {
    const replies = await this.#callAll("inFlight", { instanceId }, IN_FLIGHT_TIMEOUT_MS, "every");
    return replies.reduce((sum, reply) => sum + (typeof reply === "string" ? 0 : reply.count), 0);
  }

  /** What each edge has counted; of those that answer in time. */
  async counts(): Promise<EdgeCounts[]> {
    const replies = await this.#callAll("counts", {}, COUNTS_TIMEOUT_MS, "edges");
    return replies.filter((reply) => typeof reply !== "string");
  }

  gone(request: EdgeCalls["gone"]["request"]): void {
    void this.#callAll("gone", request, IDLE_TIMEOUT_MS, "every");
  }

  async attach(request: Parameters<Members["attach"]>[0]): Promise<void> {
    // Without a services process now, its successor attaches all runners before it counts as ready.
    await this.#services()
      ?.channel?.call("attach", request, ATTACH_TIMEOUT_MS)
      .catch(() => {});
  }

  detach(instanceId: string): void {
    this.#services()
      ?.channel?.call("detach", { instanceId }, ATTACH_TIMEOUT_MS)
      .catch(() => {});
  }

  exceeded(request: ServicesCalls["exceeded"]["request"]): void {
    this.#services()
      ?.channel?.call("exceeded", request, ATTACH_TIMEOUT_MS)
      .catch(() => {});
  }

  #services(): Role | undefined {
    return this.#roles().find((role) => role.name === "services");
  }

  /** One reply for each process, or what became of it. */
  #callAll<Name extends "routes" | "release" | "finishEvents" | "inFlight" | "gone" | "counts">(
    name: Name,
    request: EdgeCalls[Name]["request"],
    timeoutMs: number,
    group: keyof typeof groups = "all",
  ): Promise<(EdgeCalls[Name]["reply"] | "gone" | "failed")[]> {
    const members = this.#roles().filter(({ name }) => groups[group].includes(name));
    return Promise.all(
      members.map(async (role) => {
        const { channel } = role;
        try {
          return channel ? await channel.call(name, request as never, timeoutMs) : "gone";
        } catch {
          return role.channel === channel ? "failed" : "gone";
        }
      }),
    );
  }
}
