import type { Binding, LaunchRecord } from "../../domain/version.ts";
import { USER_SERVICE } from "../../workerd/launch-plan.ts";
import { linkBinding } from "../../workerd/link.ts";
import { INTERNET } from "../../workerd/network.ts";
import { BindingError, bindingKind } from "../kind.ts";

export const service = bindingKind({
  types: ["service"],
  schema: (z) =>
    z.object({
      name: z.string(),
      type: z.literal("service"),
      service: z.string().min(1),
      environment: z.string().optional(),
      entrypoint: z.string().optional(),
      props: z.record(z.string(), z.json()).optional(),
      cross_account_grant: z.string().optional(),
    }),
  accept: ({ name, type, service, environment, entrypoint, props, cross_account_grant }) => {
    if (cross_account_grant !== undefined) {
      throw new BindingError(
        `Binding "${name}" has a cross_account_grant; services of other accounts cannot be bound.`,
      );
    }
    return {
      type,
      name,
      service,
      ...(environment !== undefined && { environment }),
      // The default entrypoint has no name.
      ...(entrypoint && entrypoint !== "default" && { entrypoint }),
      ...(props && { props }),
    };
  },
  describe: (binding) => ({ ...binding }),
  launch: ({ name, service, entrypoint, props }, { mode, record, linkSocket, backendsSocket }) => {
    // While code is inspected the binding has its methods and leads nowhere.
    if (mode === "inspect") return { binding: { name, service: INTERNET } };
    if (service === record.scriptName && exportsEntrypoint(record, entrypoint)) {
      const designator = {
        name: USER_SERVICE,
        ...(entrypoint && { entrypoint }),
        ...(props && { props: { json: JSON.stringify(props) } }),
      };
      return { binding: { name, service: designator } };
    }
    return linkBinding(name, {
      socketPath: linkSocket({ script: service }),
      service,
      backendsSocket: backendsSocket(),
      ...(entrypoint && { entrypoint }),
      ...(props && { props }),
    });
  },
});

/** The scripts that must exist in the account before a version with these bindings may be uploaded. */
export function serviceTargets(bindings: Binding[]): { name: string; service: string; entrypoint?: string }[] {
  return bindings.flatMap((binding) =>
    binding.type === "service"
      ? [
          {
            name: binding.name,
            service: binding.service,
            ...(binding.entrypoint && { entrypoint: binding.entrypoint }),
          },
        ]
      : [],
  );
}

/**
 * workerd does not start when a worker names an entrypoint of its own that it does not export. Through a link
 * the same mistake is an exception at the call.
 */
function exportsEntrypoint({ exports }: LaunchRecord, entrypoint: string | undefined): boolean {
  return entrypoint === undefined || exports.some(({ name }) => name === entrypoint);
}
