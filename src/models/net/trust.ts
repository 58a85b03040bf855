import { readFile } from "node:fs/promises";
import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";
import { StackError } from "../../errors.ts";
import type { RunContext } from "../../run-context.ts";

/**
 * Node's own certificate authorities plus those of `ca` (a setting: must be readable),
 * `SSL_CERT_FILE` and `NODE_EXTRA_CA_CERTS` (from the environment: a warning when not).
 * Undefined when nothing is added.
 */
export async function trustedAuthorities(
  context: Pick<RunContext, "host" | "emit">,
  ca: string | undefined,
): Promise<SecureContext | undefined> {
  const pem = await addedAuthorities(context, ca);
  if (pem.length === 0) return undefined;
  return createSecureContext({ ca: [...getCACertificates("default"), ...pem] });
}

/** The same as one PEM text, for programs that believe one file and nothing else. */
export async function authoritiesText(
  context: Pick<RunContext, "host" | "emit">,
  ca: string,
): Promise<string> {
  const pem = [...(await addedAuthorities(context, ca)), ...getCACertificates("default")];
  return pem.map((each) => `${each.trimEnd()}\n`).join("");
}

async function addedAuthorities(
  context: Pick<RunContext, "host" | "emit">,
  ca: string | undefined,
): Promise<readonly string[]> {
  const { env } = context.host;
  const pem: string[] = [];
  if (ca !== undefined) pem.push(await readSetting(ca));
  for (const file of new Set([env["SSL_CERT_FILE"], env["NODE_EXTRA_CA_CERTS"]])) {
    if (file === undefined || file === "" || file === ca) continue;
    try {
      pem.push(await readFile(file, "utf8"));
    } catch {
      context.emit({
        type: "warning",
        message: `The certificate authorities in ${file} cannot be read.`,
      });
    }
  }
  return pem;
}

async function readSetting(file: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    throw new StackError("USAGE", { what: `The file of --ca, ${file}, cannot be read.`, cause });
  }
  if (!text.includes("-----BEGIN CERTIFICATE-----")) {
    throw new StackError("USAGE", { what: `The file of --ca, ${file}, holds no PEM certificate.` });
  }
  return text;
}
