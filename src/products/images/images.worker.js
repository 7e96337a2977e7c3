// @ts-check
/** What the runtime's Images binding talks to: pictures go on to the back-end, and images that are kept for it are refused in words. */
import { WorkerEntrypoint } from "cloudflare:workers";

/** @returns {never} */
function refuse() {
  throw new Error(
    "env.IMAGES.hosted is not supported here: this platform keeps no images. Keep them in R2 or among the static assets, and use env.IMAGES.input().",
  );
}

export default class extends WorkerEntrypoint {
  /** @param {Request} request */
  fetch(request) {
    return this.env.backend.fetch(request);
  }

  image() {
    return refuse();
  }

  upload() {
    return refuse();
  }

  list() {
    return refuse();
  }

  createDirectUpload() {
    return refuse();
  }
}
