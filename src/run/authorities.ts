import type { SecureContext } from "node:tls";
import type { RunContext } from "../run-context.ts";

/** What to believe of a server at `apiBase`, by `--ca` and the environment. Undefined for plain HTTP, and where nothing is added. */
export async function authoritiesFor(
  context: Pick<RunContext, "host" | "emit">,
  apiBase: string,
  ca: string | undefined,
): Promise<SecureContext | undefined> {
  if (!apiBase.startsWith("https:")) return undefined;
  const { trustedAuthorities } = await import("../models/net/trust.ts");
  return trustedAuthorities(context, ca);
}
