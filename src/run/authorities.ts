import { resolve } from "node:path";
import type { SecureContext } from "node:tls";
import type { Endpoint } from "../endpoint.ts";
import { writeFileAtomic } from "../host/atomic-write.ts";
import type { RunContext } from "../run-context.ts";
import type { StackFolder } from "./stack-folder.ts";

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

/** For an endpoint that is reached by `--ca`: writes the file of all that is believed, which clients are given. Paths are absolute. */
export async function authoritiesOfClients(
  context: Pick<RunContext, "host" | "emit">,
  { authoritiesFile }: Pick<StackFolder, "authoritiesFile">,
  ca: string,
): Promise<Required<Pick<Endpoint, "ca" | "authorities">>> {
  const { authoritiesText } = await import("../models/net/trust.ts");
  await writeFileAtomic(authoritiesFile, await authoritiesText(context, ca), { mode: 0o644 });
  return { ca: resolve(ca), authorities: authoritiesFile };
}
