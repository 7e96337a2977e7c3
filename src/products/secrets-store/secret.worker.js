// @ts-check
/** A secret of the Secrets Store, in the isolate of the Worker. The runtime has none of its own. */

/** @typedef {{ fetcher: { fetch(url: string, init: RequestInit): Promise<Response> }, secretName: string }} Settings */

const TIMEOUT_MS = 5000;

class Secret {
  /** @type {Settings} */
  #settings;

  /** @param {Settings} settings */
  constructor(settings) {
    this.#settings = settings;
  }

  /** The present value. @returns {Promise<string>} */
  async get() {
    const { fetcher, secretName } = this.#settings;
    let response;
    try {
      response = await fetcher.fetch("http://secrets-store/", { signal: AbortSignal.timeout(TIMEOUT_MS) });
    } catch (error) {
      // A mistake of the program: I/O is for handlers.
      if (error instanceof Error && error.message.includes("global scope")) throw error;
      throw new Error(`Secret "${secretName}" cannot be read now: the platform may be restarting. Try again.`);
    }
    const text = await response.text();
    if (response.status !== 200) throw new Error(text);
    return text;
  }
}

/** @param {Settings} settings */
export default (settings) => new Secret(settings);
