import type { ObjectClass } from "../../domain/version.ts";
import type { LaunchState, StateLaunchContext } from "../../workerd/binding-launch.ts";
import { USER_SERVICE } from "../../workerd/launch-plan.ts";

/** The namespaces that a runner owns. */
export const launchObjects: LaunchState = (context) => {
  const classes = ownClasses(context);
  if (classes.length === 0) return undefined;
  return {
    user: {
      durableObjectNamespaces: classes.map(({ className, namespaceId, storage }) => ({
        className,
        uniqueKey: namespaceId,
        enableSql: storage === "sqlite",
      })),
    },
    // The runtime looks for a directory that is called as the namespace's key.
    state: classes.map(({ namespaceId }) => ({ name: namespaceId, stateId: namespaceId })),
    gate: {
      bindings: classes.map(({ className, namespaceId }) => ({
        name: namespaceId,
        durableObjectNamespace: { className, serviceName: USER_SERVICE },
      })),
    },
  };
};

/** The classes of the runner's placement that its version has: the runtime does not start with one that is missing. */
export function ownClasses({ record, placement }: Pick<StateLaunchContext, "record" | "placement">): ObjectClass[] {
  return placement.classes.filter(({ className }) => {
    const exported = record.exports.find(({ name }) => name === className);
    // Classes of before 2024 extend nothing, and are known by their handlers.
    return exported?.kind === "durable-object" || (exported?.kind === "other" && exported.handlers.length > 0);
  });
}
