import { backendBinding } from "../backend-binding.ts";
import { BindingError, bindingKind } from "../kind.ts";
import { MAX_DELAY_S } from "./limits.ts";

/** What the original answers to a binding to a queue that the account does not have. */
const QUEUE_NOT_FOUND = 10104;

/** `env.QUEUE`: workerd's own producer over HTTP to the services role (`workerd-bindings.md` 4.4). */
export const queue = bindingKind({
  types: ["queue"],
  hasProtocol: true,
  schema: (z) =>
    z.object({
      name: z.string(),
      type: z.literal("queue"),
      queue_name: z.string(),
      delivery_delay: z.number().int().min(0).max(MAX_DELAY_S).nullish(),
    }),
  accept: ({ name, type, queue_name, delivery_delay }, { queueId }) => {
    const id = queueId(queue_name);
    if (id === undefined) {
      throw new BindingError(
        `Queue "${queue_name.slice(0, 80)}" of binding "${name}" does not exist. Create it with \`wrangler queues create\`.`,
        QUEUE_NOT_FOUND,
      );
    }
    return {
      name,
      type,
      queueName: queue_name,
      queueId: id,
      ...(typeof delivery_delay === "number" && { deliveryDelayS: delivery_delay }),
    };
  },
  describe: ({ name, type, queueName, deliveryDelayS }) => ({
    name,
    type,
    queue_name: queueName,
    ...(deliveryDelayS !== undefined && { delivery_delay: deliveryDelayS }),
  }),
  launch: ({ name }, context) => backendBinding("queue", name, context, (queue) => ({ name, queue })),
});
