/**
 * An images host: reads and writes pictures for one account, one call after the other. Argument: the socket's path.
 * Frames: `../../hosts/server.js`; a call is what `../call-form.ts` makes of the form that the runtime sent.
 */

import { serveInTurn } from "../../hosts/in-turn.ts";
// @ts-expect-error: plain JavaScript, which is all that hosts of databases load.
import { frame } from "../../hosts/server.js";
import { decodeCall } from "../call-form.ts";
import { failureOf, info, transform } from "./call.ts";

const [socketPath = ""] = process.argv.slice(2);

serveInTurn(socketPath, async ({ id, payload }) => {
  try {
    const { operation, contentType, body } = decodeCall(payload);
    const form = await new Response(new Uint8Array(body), { headers: { "content-type": contentType } }).formData();
    const { type, bytes } = await (operation === "info" ? info(form) : transform(form));
    return frame(id, 0, type, bytes);
  } catch (error) {
    const { code, message } = failureOf(error);
    return frame(id, 1, "", JSON.stringify({ code, message }));
  }
});
