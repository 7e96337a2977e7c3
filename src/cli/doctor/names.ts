import { X509Certificate } from "node:crypto";
import { paths } from "../../domain/paths.ts";
import type { Check } from "./check.ts";

/** Workers live on names below the base domain: do they lead here? */
export const checkNames: Check = async (config, machine) => {
  const name = "names";
  const probe = `doctor.dev.${config.domain}`;
  const addresses = await machine.resolve(probe);
  if (addresses.length > 0)
    return { name, status: "ok", message: `*.${config.domain} resolves (${addresses.join(", ")})` };
  if (config.domain === "localhost" || config.domain.endsWith(".localhost")) {
    return {
      name,
      status: "warn",
      message: `the system does not resolve *.${config.domain}; browsers and curl do so themselves, other programs will not find Workers`,
      mend: "sudo apt-get install libnss-myhostname",
    };
  }
  return {
    name,
    status: "warn",
    message: `${probe} does not resolve, so nobody finds Workers by name`,
    mend: `add DNS records *.${config.domain} and *.dev.${config.domain} that lead to this machine`,
  };
};

/** A certificate that ends sooner than this is worth a word. */
const WARN_LEFT_MS = 14 * 24 * 3_600_000;

/** The local authority's certificate: is it there, is it valid, who has to be told to trust it. */
export const checkCertificate: Check = (config, machine) => {
  const name = "certificate";
  const file = paths(config).tls.authority;
  const pem = machine.read(file);
  if (!pem) return { name, status: "ok", message: "none yet; it is made when the platform starts" };
  let validTo: number;
  try {
    validTo = Date.parse(new X509Certificate(pem).validTo);
  } catch {
    return { name, status: "fail", message: `${file} is no certificate`, mend: `rm ${file} and start Freehold again` };
  }
  if (validTo - machine.now() < WARN_LEFT_MS) {
    return {
      name,
      status: "warn",
      message: `${file} is valid until ${new Date(validTo).toISOString().slice(0, 10)}`,
      mend: `rm ${file} and start Freehold again, then trust the new one`,
    };
  }
  return {
    name,
    status: "ok",
    message: `${file}; trust it for HTTPS with curl --cacert, NODE_EXTRA_CA_CERTS, or in the browser's list of authorities`,
  };
};
