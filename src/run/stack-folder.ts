import { randomBytes } from "node:crypto";
import { readFile, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { endpointSchema, type Endpoint } from "../endpoint.ts";
import { StackError } from "../errors.ts";
import { isErrno, removeTemporary, writeFileAtomic } from "../host/atomic-write.ts";
import type { Host } from "../host/host.ts";
import { processIdentitySchema } from "../host/process-identity.ts";

/** Files of one stack below the state folder: what labels of containers can't hold. */
export interface StackFolder {
  readonly name: string;
  readonly path: string;
  /** Base name, see `acquireLock`. Outside `path`: removing the folder must not free a lock that is held. */
  readonly lockFile: string;
  /** Holds the bearer key and nothing else; mode 0600. */
  readonly keyFile: string;
  readonly engineConfigFile: string;
  readonly logFile: string;
  /** Certificate authorities for clients of an adopted server. */
  readonly authoritiesFile: string;
}

export function stackFolder(host: Host, name: string): StackFolder {
  const path = join(stacksRoot(host), name);
  return {
    name,
    path,
    keyFile: join(path, "key"),
    lockFile: join(locksFolder(host), name),
    engineConfigFile: join(path, "engine.json"),
    logFile: join(path, "engine.log"),
    authoritiesFile: join(path, "authorities.pem"),
  };
}

/** Where the locks of all stacks lie. */
export function locksFolder(host: Host): string {
  return join(host.paths.state, "locks");
}

/** Names of all stacks that have files here, running or not. */
export async function stackNames(host: Host): Promise<readonly string[]> {
  try {
    const entries = await readdir(stacksRoot(host), { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}

/** The bearer key of a stack: 256 random bits, made once and kept, so that configured agents stay configured. */
export async function ensureKey(folder: StackFolder): Promise<string> {
  const existing = await readKey(folder);
  if (existing !== undefined) return existing;
  const key = `sk-stack-${randomBytes(32).toString("hex")}`;
  await writeFileAtomic(folder.keyFile, `${key}\n`, { mode: 0o600 });
  return key;
}

/** Undefined when there is none yet, or it is damaged. */
export async function readKey(folder: StackFolder): Promise<string | undefined> {
  const key = (await readText(folder.keyFile))?.trim();
  return key !== undefined && /^sk-stack-[0-9a-f]{64}$/.test(key) ? key : undefined;
}

/** What `up` leaves behind for other commands. Undefined when there is none, or it is not readable any more. */
export async function readEndpoint(folder: StackFolder): Promise<Endpoint | undefined> {
  return readJson(join(folder.path, "endpoint.json"), endpointSchema);
}

/** Writes it, or with undefined removes what is there. */
export async function writeEndpoint(
  folder: StackFolder,
  endpoint: Endpoint | undefined,
): Promise<void> {
  const file = join(folder.path, "endpoint.json");
  if (endpoint === undefined) return rm(file, { force: true });
  await writeFileAtomic(file, `${JSON.stringify(endpoint, undefined, 2)}\n`, { mode: 0o600 });
}

/** The endpoint that commands for agents need; without one, the error says how to get it. */
export async function requireEndpoint(host: Host, name: string): Promise<Endpoint> {
  const endpoint = await readEndpoint(stackFolder(host, name));
  if (endpoint !== undefined) return endpoint;
  throw unknownStack(name);
}

export function unknownStack(name: string): StackError {
  return new StackError("STACK_UNKNOWN", {
    what: `There is no stack named ${name} here.`,
    next: name === "default" ? "stack up" : `stack up --name ${name}`,
  });
}

const engineProcessSchema = z.object({
  process: processIdentitySchema,
  /** Hash of the configuration that it was started with. */
  plan: z.string(),
  startedAt: z.iso.datetime(),
  /** On 127.0.0.1, where it was told to listen. */
  port: z.int().positive().optional(),
  /** Tokens of context that `auto` found for it. */
  foundContext: z.int().positive().optional(),
});
/** The background process of the embedded engine. */
export type EngineProcess = z.infer<typeof engineProcessSchema>;

export async function readEngineProcess(folder: StackFolder): Promise<EngineProcess | undefined> {
  return readJson(join(folder.path, "process.json"), engineProcessSchema);
}

export async function writeEngineProcess(folder: StackFolder, value: EngineProcess): Promise<void> {
  await writeFileAtomic(join(folder.path, "process.json"), `${JSON.stringify(value)}\n`, {
    mode: 0o600,
  });
}

const adoptionSchema = z.object({
  /** Hash of what the endpoint hangs on. */
  plan: z.string(),
  adoptedAt: z.iso.datetime(),
  /** The model that was loaded for it: by which server, as which instance, with how many tokens, and how many came of it. */
  loaded: z
    .object({
      apiBase: z.string(),
      id: z.string(),
      asked: z.int().positive(),
      context: z.int().positive().optional(),
    })
    .optional(),
});
/** When and how a server that is not ours was adopted. */
export type Adoption = z.infer<typeof adoptionSchema>;

export async function readAdoption(folder: StackFolder): Promise<Adoption | undefined> {
  return readJson(join(folder.path, "adoption.json"), adoptionSchema);
}

/** Writes it, or with undefined removes what is there. */
export async function writeAdoption(
  folder: StackFolder,
  value: Adoption | undefined,
): Promise<void> {
  const file = join(folder.path, "adoption.json");
  if (value === undefined) return rm(file, { force: true });
  await writeFileAtomic(file, `${JSON.stringify(value)}\n`, { mode: 0o600 });
}

/** Forgets the background process of an engine, which has ended. */
export async function forgetProcess({ path, engineConfigFile }: StackFolder): Promise<void> {
  for (const file of [join(path, "process.json"), engineConfigFile])
    await rm(file, { force: true });
}

/** Forgets that it ran, and removes what killed commands left half-written; key, log and the settings that it was given stay. */
export async function forgetRun(folder: StackFolder): Promise<void> {
  await writeEndpoint(folder, undefined);
  await forgetProcess(folder);
  await writeAdoption(folder, undefined);
  await rm(folder.authoritiesFile, { force: true });
  await removeTemporary(folder.path);
}

/** False when there was none. */
export async function removeStackFolder(folder: StackFolder): Promise<boolean> {
  try {
    await rm(folder.path, { recursive: true });
    return true;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return false;
    throw error;
  }
}

function stacksRoot(host: Host): string {
  return join(host.paths.state, "stacks");
}

/** Undefined when the file is not there, or not what the schema says. */
export async function readJson<T>(file: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const text = await readText(file);
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    // Written by another version, or damaged: the labels and the process table still tell the truth.
    return undefined;
  }
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}
