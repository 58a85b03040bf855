import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse as parseToml } from "smol-toml";
import * as z from "zod";
import { StackError } from "../../errors.ts";
import type { Host } from "../../host/host.ts";

/** A package index (PEP 503/691) and the credentials that its URL carried. */
export interface PackageIndex {
  /** Without credentials, without a trailing slash: safe to print. */
  readonly url: string;
  readonly authorization: string | undefined;
  /** Where this was configured, for messages. */
  readonly origin: string;
}

const DEFAULT_INDEX = "https://pypi.org/simple";

const uvSchema = z.looseObject({
  "index-url": z.string().optional(),
  index: z
    .array(z.looseObject({ url: z.string(), default: z.boolean().optional() }))
    .optional()
    .catch(undefined),
});

/**
 * The index that this machine's pip or uv is configured for: PIP_INDEX_URL, UV_DEFAULT_INDEX, UV_INDEX_URL,
 * pip's files (the most particular wins), uv's files, else PyPI.
 */
export async function configuredIndex(
  host: Pick<Host, "env" | "paths" | "platform">,
): Promise<PackageIndex> {
  const { env } = host;
  for (const name of ["PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"]) {
    const value = env[name];
    // uv allows `name=https://…`.
    if (value !== undefined && value !== "") return toIndex(value.replace(/^[\w-]+=/, ""), name);
  }
  for (const file of pipFiles(host)) {
    const url = pipIndexUrl(await readText(file));
    if (url !== undefined) return toIndex(url, file);
  }
  for (const file of uvFiles(host)) {
    const url = uvIndexUrl(await readText(file));
    if (url !== undefined) return toIndex(url, file);
  }
  return toIndex(DEFAULT_INDEX, "default");
}

/** Most particular first, as pip's own order has it: PIP_CONFIG_FILE, the environment, the user, the machine. */
function pipFiles({ env, paths, platform }: Pick<Host, "env" | "paths" | "platform">): string[] {
  const chosen = env["PIP_CONFIG_FILE"];
  if (chosen === "/dev/null") return [];
  const config = env["XDG_CONFIG_HOME"] ?? join(paths.home, ".config");
  const appData = env["APPDATA"];
  return [
    chosen,
    env["VIRTUAL_ENV"] === undefined ? undefined : join(env["VIRTUAL_ENV"], "pip.conf"),
    platform === "win32" && appData !== undefined ? join(appData, "pip", "pip.ini") : undefined,
    platform === "darwin"
      ? join(paths.home, "Library", "Application Support", "pip", "pip.conf")
      : undefined,
    join(config, "pip", "pip.conf"),
    join(paths.home, ".pip", "pip.conf"),
    platform === "win32" ? undefined : "/etc/xdg/pip/pip.conf",
    platform === "win32" ? undefined : "/etc/pip.conf",
  ].filter((file): file is string => file !== undefined && file !== "");
}

function uvFiles({ env, paths, platform }: Pick<Host, "env" | "paths" | "platform">): string[] {
  const config = env["XDG_CONFIG_HOME"] ?? join(paths.home, ".config");
  return [
    env["UV_CONFIG_FILE"],
    join(config, "uv", "uv.toml"),
    platform === "win32" ? undefined : "/etc/uv/uv.toml",
  ].filter((file): file is string => file !== undefined && file !== "");
}

/** `index-url` of `[install]` or `[global]` of an INI file: a section for the command wins over the general one. */
export function pipIndexUrl(text: string): string | undefined {
  const found = new Map<string, string>();
  let section = "";
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#") || line.startsWith(";")) continue;
    const header = /^\[(.+)\]$/.exec(line);
    if (header?.[1] !== undefined) {
      section = header[1].trim().toLowerCase();
      continue;
    }
    const entry = /^index[-_]url\s*[=:]\s*(\S+)$/i.exec(line);
    if (entry?.[1] !== undefined) found.set(section, entry[1]);
  }
  return found.get("install") ?? found.get("global");
}

function uvIndexUrl(text: string): string | undefined {
  if (text === "") return undefined;
  try {
    const config = uvSchema.parse(parseToml(text));
    return config.index?.find((entry) => entry.default === true)?.url ?? config["index-url"];
  } catch {
    return undefined;
  }
}

function toIndex(text: string, origin: string): PackageIndex {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new StackError("USAGE", {
      what: `The package index of ${origin} is not an http or https address.`,
      next: `correct ${origin}`,
    });
  }
  const authorization =
    url.username === ""
      ? undefined
      : `Basic ${Buffer.from(`${unquote(url.username)}:${unquote(url.password)}`).toString("base64")}`;
  url.username = "";
  url.password = "";
  return { url: url.href.replace(/\/+$/, ""), authorization, origin };
}

/** As Python's `unquote`, which pip uses, has it: a `%` that begins no escape stays as it is. */
function unquote(text: string): string {
  return text.replaceAll(/(?:%[0-9a-f]{2})+/gi, (escapes) =>
    Buffer.from(escapes.replaceAll("%", ""), "hex").toString("utf8"),
  );
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch {
    return "";
  }
}
