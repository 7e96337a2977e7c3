import type { BindingLaunch } from "../../workerd/binding-launch.ts";
import { BindingError, bindingKind } from "../kind.ts";
import { MAX_VARIABLE_BYTES, VARIABLE_TOO_LARGE } from "../limits.ts";

export const plainText = bindingKind({
  types: ["plain_text"],
  schema: (z) => z.object({ name: z.string(), type: z.literal("plain_text"), text: z.string() }),
  accept: (upload) => checkSize(upload, upload.text),
  describe: ({ type, name, text }) => ({ type, name, text }),
  launch: ({ name, text }) => ({ binding: { name, text } }),
});

export const json = bindingKind({
  types: ["json"],
  // Absent JSON is no JSON; `null` is.
  schema: (z) => z.object({ name: z.string(), type: z.literal("json"), json: z.json() }),
  accept: (upload) => checkSize(upload, JSON.stringify(upload.json)),
  describe: ({ type, name, json }) => ({ type, name, json }),
  launch: ({ name, json }) => ({ binding: { name, json: JSON.stringify(json) } }),
});

export const secretText = bindingKind({
  types: ["secret_text"],
  schema: (z) => z.object({ name: z.string(), type: z.literal("secret_text"), text: z.string() }),
  accept: (upload, { seal }) => ({ ...checkSize(upload, upload.text), text: seal(upload.text) }),
  describe: ({ type, name }) => ({ type, name }),
  launch: ({ name, text }, { unseal }) => ({ binding: { name, text: unseal(text) } }),
});

/** Globals of service-worker scripts; their content comes as a part of the upload. */
export const parts = bindingKind({
  types: ["wasm_module", "text_blob", "data_blob"],
  schema: (z) =>
    z.object({ name: z.string(), type: z.enum(["wasm_module", "text_blob", "data_blob"]), part: z.string() }),
  accept: (upload, { part }) => {
    const content = part(upload.part);
    if (!content)
      throw new BindingError(
        `Binding "${upload.name}" refers to part "${upload.part}", which the upload does not have.`,
      );
    return { ...upload, blob: content.blob, size: content.size };
  },
  describe: ({ type, name, part }) => ({ type, name, part }),
  launch: ({ type, name, blob }, { embed }): BindingLaunch => {
    switch (type) {
      case "wasm_module":
        return { binding: { name, wasmModule: embed({ blob }) } };
      case "text_blob":
        return { binding: { name, text: embed({ blob }) } };
      case "data_blob":
        return { binding: { name, data: embed({ blob }) } };
    }
  },
});

function checkSize<Upload extends { name: string }>(upload: Upload, text: string): Upload {
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_VARIABLE_BYTES) {
    throw new BindingError(
      `Binding "${upload.name}" has ${bytes} bytes; a variable or secret may have ${MAX_VARIABLE_BYTES}.`,
      VARIABLE_TOO_LARGE,
    );
  }
  return upload;
}
