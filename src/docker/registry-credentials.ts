import * as z from "zod";
import type { Host } from "../host/host.ts";
import { type DockerConfig, dockerConfig } from "./contexts.ts";

/** A credential helper may ask a keychain, which may ask its user; but not for ever. */
const HELPER_MS = 30_000;

const helperSchema = z.object({ Username: z.string(), Secret: z.string() });

/** What a login at a registry has left. */
type Credentials =
  | { readonly username: string; readonly password: string }
  | { readonly identitytoken: string };

/**
 * What `docker login` keeps for a registry, `host[:port]` or Docker Hub's address: from the credential helper, else from the
 * configuration file; undefined without any. A file that cannot be read is `USAGE`.
 */
export async function registryCredentials(
  host: Host,
  registry: string,
  signal: AbortSignal,
): Promise<Credentials | undefined> {
  const config = await dockerConfig(host);
  return (await fromHelper(host, config, registry, signal)) ?? fromFile(config, registry);
}

async function fromHelper(
  host: Host,
  config: DockerConfig,
  registry: string,
  signal: AbortSignal,
): Promise<Credentials | undefined> {
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

function fromFile(config: DockerConfig, registry: string): Credentials | undefined {
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
