import type { Host } from "../host/host.ts";
import { registryCredentials } from "./registry-credentials.ts";

/** Under this name Docker's client keeps the credentials of Docker Hub. */
const HUB = "https://index.docker.io/v1/";

/** The registry that a reference names: what is before the first slash when it looks like a host. */
function registryOf(reference: string): string {
  const [first = "", ...rest] = reference.split("/");
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  return isHost && first !== "docker.io" ? first : HUB;
}

/** The value of `X-Registry-Auth` for an image; undefined without credentials. */
export async function registryAuth(
  host: Host,
  reference: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const registry = registryOf(reference);
  const credentials = await registryCredentials(host, registry, signal);
  return credentials === undefined
    ? undefined
    : Buffer.from(JSON.stringify({ ...credentials, serveraddress: registry })).toString(
        "base64url",
      );
}
