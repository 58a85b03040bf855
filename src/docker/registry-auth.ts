import * as z from "zod";
import type { Host } from "../host/host.ts";
import { type DockerConfig, dockerConfig } from "./contexts.ts";

/** Under this name Docker's client keeps the credentials of Docker Hub. */
const HUB = "https://index.docker.io/v1/";
/** A credential helper may ask a keychain, which may ask its user; but not for ever. */
const HELPER_MS = 30_000;

const helperSchema = z.object({ Username: z.string(), Secret: z.string() });

/** The registry that a reference names: what is before the first slash when it looks like a host. */
function registryOf(reference: string): string {
  const [first = "", ...rest] = reference.split("/");
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  return isHost && first !== "docker.io" ? first : HUB;
}

/** The value of `X-Registry-Auth` for an image: from the helper of its registry, else from the configuration file; undefined without credentials. */
export async function registryAuth(
  host: Host,
  reference: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const config = await dockerConfig(host);
  const registry = registryOf(reference);
  const fields = (await fromHelper(host, config, registry, signal)) ?? fromFile(config, registry);
  return fields === undefined
    ? undefined
    : Buffer.from(JSON.stringify({ ...fields, serveraddress: registry })).toString("base64url");
}

type AuthFields =
  | { readonly username: string; readonly password: string }
  | { readonly identitytoken: string };

async function fromHelper(
  host: Host,
  config: DockerConfig,
  registry: string,
  signal: AbortSignal,
): Promise<AuthFields | undefined> {
  const helper = config.credHelpers?.[registry] ?? config.credsStore;
  if (helper === undefined || helper === "") return undefined;
  const { exitCode, stdout } = await host.exec(`docker-credential-${helper}`, ["get"], {
    input: registry,
    timeoutMs: HELPER_MS,
    signal,
  });
  // Helpers end with 1 when they have nothing for the registry: then the pull goes on without.
  if (exitCode !== 0) return undefined;
  const parsed = helperSchema.safeParse(safeJson(stdout));
  if (!parsed.success) return undefined;
  const { Username, Secret } = parsed.data;
  return Username === "<token>"
    ? { identitytoken: Secret }
    : { username: Username, password: Secret };
}

function fromFile(config: DockerConfig, registry: string): AuthFields | undefined {
  const entry = config.auths?.[registry] ?? config.auths?.[`https://${registry}`];
  if (entry?.identitytoken) return { identitytoken: entry.identitytoken };
  if (!entry?.auth) return undefined;
  const decoded = Buffer.from(entry.auth, "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  if (colon < 0) return undefined;
  return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
