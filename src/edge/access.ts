import { readFile } from "node:fs/promises";
import { type AccessTarget, accessNames, accessSeconds } from "../domain/access.ts";
import type { RequestHead } from "../lib/http/request-head.ts";
import type { Client } from "./client.ts";
import { cookiesOf, setCookie } from "./cookies.ts";
import { headerNames } from "./headers.ts";

const headerId = headerNames.id(accessNames.header);
const authorizationId = headerNames.id("authorization");

/** What becomes of a request for a protected address. */
export type Admission =
  | { kind: "admitted" }
  /** It came with a link: the client shall ask again without the token in the address. */
  | { kind: "redirected"; fields: string }
  | { kind: "refused" };

const admitted: Admission = { kind: "admitted" };
const refused: Admission = { kind: "refused" };

/** Cookies of one request that are looked at. */
const MAX_COOKIES = 5;
/** The part of an address that a link adds. */
const TOKEN_PARAMETER = `${accessNames.query}=`;

/** Lets requests to protected addresses in, or not. Asks nobody: it works while control is down. */
export class Access {
  /** Without it nothing is let in. */
  #key: Buffer | undefined;

  /** Reads the key, unless that was done. */
  async load(path: string): Promise<void> {
    if (this.#key) return;
    try {
      this.#key = Buffer.from((await readFile(path, "utf8")).trim(), "hex");
    } catch (error) {
      console.error("Protected addresses are closed, for their key cannot be read:", error);
    }
  }

  /** What is let in leaves its credentials here: {@link Client.credentials} says which the Worker must not see. */
  admit(head: RequestHead, client: Client, target: AccessTarget): Admission {
    const seconds = (token: string | undefined) =>
      token && this.#key ? accessSeconds(this.#key, token, target, Date.now()) : 0;
    const hasCookie = () =>
      cookiesOf(head, accessNames.cookie)
        .take(MAX_COOKIES)
        .some((token) => seconds(token) > 0);
    client.credentials = "cookie";
    const { target: address } = head;
    if (address.includes(TOKEN_PARAMETER) && (head.method === "GET" || head.method === "HEAD")) {
      const { token, clean } = withoutToken(address);
      if (token !== undefined) {
        const left = seconds(token);
        const known = left > 0 || hasCookie();
        if (!known) return refused;
        const location = `Location: ${client.scheme}${head.host}${clean}\r\n`;
        const cookie = left > 0 ? setCookie(accessNames.cookie, token, left, client.scheme) : "";
        return { kind: "redirected", fields: location + cookie };
      }
    }
    if (seconds(head.get(headerId)) > 0 || hasCookie()) return admitted;
    if (seconds(bearer(head.get(authorizationId))) > 0) {
      client.credentials = "cookie and authorization";
      return admitted;
    }
    return refused;
  }
}

function bearer(authorization: string | undefined): string | undefined {
  return authorization && /^bearer +(\S+)$/i.exec(authorization)?.[1];
}

/** An address's token, and the address without it. */
function withoutToken(address: string): { token: string | undefined; clean: string } {
  const question = address.indexOf("?");
  if (question < 0) return { token: undefined, clean: address };
  const parameters = address.slice(question + 1).split("&");
  const token = parameters.findLast((parameter) => parameter.startsWith(TOKEN_PARAMETER));
  const others = parameters.filter((parameter) => !parameter.startsWith(TOKEN_PARAMETER)).join("&");
  return {
    token: token?.slice(TOKEN_PARAMETER.length),
    clean: address.slice(0, question) + (others === "" ? "" : `?${others}`),
  };
}
