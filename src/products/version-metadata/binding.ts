import { bindingKind } from "../kind.ts";

export const versionMetadata = bindingKind({
  types: ["version_metadata"],
  schema: (z) => z.object({ name: z.string(), type: z.literal("version_metadata") }),
  accept: (upload) => upload,
  describe: ({ type, name }) => ({ type, name }),
  launch: ({ name }, { record }) => ({
    binding: { name, json: JSON.stringify({ id: record.versionId, tag: record.tag, timestamp: record.createdOn }) },
  }),
});
