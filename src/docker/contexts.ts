import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { StackError } from "../errors.ts";
import type { Host } from "../host/host.ts";
import { type DaemonAddress, type DaemonTls, parseAddress } from "./address.ts";

/** `~/.docker/config.json`, as far as it is used. */
const configSchema = z.object({
  currentContext: z.string().optional(),
  auths: z
    .record(
      z.string(),
      z.object({ auth: z.string().optional(), identitytoken: z.string().optional() }),
    )
    .optional(),
  credsStore: z.string().optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
});
export type DockerConfig = z.infer<typeof configSchema>;

const contextSchema = z.object({
  Name: z.string(),
  Endpoints: z.object({
    docker: z.object({ Host: z.string(), SkipTLSVerify: z.boolean().default(false) }),
  }),
});

/** Folder of Docker's client: `$DOCKER_CONFIG`, else `~/.docker`. */
function dockerConfigDir(host: Host): string {
  const chosen = host.env["DOCKER_CONFIG"];
  return chosen === undefined || chosen === "" ? join(host.paths.home, ".docker") : chosen;
}

/** The client's configuration; empty when there is none. */
export async function dockerConfig(host: Host): Promise<DockerConfig> {
  const file = join(dockerConfigDir(host), "config.json");
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return {};
  try {
    return configSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new StackError("USAGE", {
      what: `${file} is not a configuration of Docker's client.`,
      why: cause instanceof Error ? cause.message : undefined,
      next: "Repair the file, or set DOCKER_CONFIG to another folder.",
      cause,
    });
  }
}

/** The context that the user chose (`DOCKER_CONTEXT`, else `docker context use`); undefined for the default one. */
export function chosenContext(host: Host, config: DockerConfig): string | undefined {
  const name = host.env["DOCKER_CONTEXT"] ?? config.currentContext;
  return name === undefined || name === "" || name === "default" ? undefined : name;
}

/** Where a named context leads. A context that is not there is `DOCKER_UNREACHABLE`. */
export async function contextAddress(host: Host, name: string): Promise<DaemonAddress> {
  const root = join(dockerConfigDir(host), "contexts");
  const folders = await readdir(join(root, "meta")).catch(() => []);
  for (const folder of folders) {
    const meta = await readContext(join(root, "meta", folder, "meta.json"));
    if (meta?.Name !== name) continue;
    const { Host: address, SkipTLSVerify } = meta.Endpoints.docker;
    return parseAddress(
      address,
      await tlsFiles(join(root, "tls", folder, "docker"), !SkipTLSVerify),
    );
  }
  throw new StackError("DOCKER_UNREACHABLE", {
    what: `The Docker context "${name}" does not exist.`,
    why: `None of the files below ${join(root, "meta")} describes it.`,
    next: "Run `docker context ls`, then `docker context use <name>`, or set DOCKER_HOST.",
  });
}

/** Undefined for a file that is not there, is half-written, or describes no Docker: contexts can be of other things. */
async function readContext(file: string): Promise<z.infer<typeof contextSchema> | undefined> {
  try {
    return contextSchema.safeParse(JSON.parse(await readFile(file, "utf8"))).data;
  } catch {
    return undefined;
  }
}

/** `ca.pem`, `cert.pem`, `key.pem` of a folder; undefined when it has none of them. */
export async function tlsFiles(folder: string, verify: boolean): Promise<DaemonTls | undefined> {
  const read = (name: string): Promise<string | undefined> =>
    readFile(join(folder, name), "utf8").catch(() => undefined);
  const [ca, cert, key] = await Promise.all([read("ca.pem"), read("cert.pem"), read("key.pem")]);
  if (ca === undefined && cert === undefined && key === undefined) return undefined;
  return {
    verify,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}
