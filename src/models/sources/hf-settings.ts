import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { StackError } from "../../errors.ts";
import type { Host } from "../../host/host.ts";

/** What the environment says about the Hugging Face Hub, as its own Python client reads it (huggingface_hub/constants.py). */
export interface HubSettings {
  /** Without a trailing slash. */
  readonly endpoint: string;
  readonly token: string | undefined;
  readonly offline: boolean;
  /** Folder of `models--org--name` folders. */
  readonly cache: string;
}

export async function hubSettings(host: Pick<Host, "env" | "paths">): Promise<HubSettings> {
  const { env, paths } = host;
  const given = (name: string): string | undefined => (env[name] === "" ? undefined : env[name]);
  const cacheHome = given("XDG_CACHE_HOME") ?? join(paths.home, ".cache");
  const home = expand(given("HF_HOME") ?? join(cacheHome, "huggingface"), paths.home);
  const endpoint = (given("HF_ENDPOINT") ?? "https://huggingface.co").replace(/\/+$/, "");
  if (!/^https?:\/\//.test(endpoint) || !URL.canParse(endpoint)) {
    throw new StackError("USAGE", {
      what: `HF_ENDPOINT is not an http or https address: ${endpoint}`,
      next: "correct or unset HF_ENDPOINT",
    });
  }
  return {
    endpoint,
    token: await readToken(env, given("HF_TOKEN_PATH") ?? join(home, "token")),
    offline: ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"].some((name) => isTrue(env[name])),
    cache: expand(
      given("HF_HUB_CACHE") ?? given("HUGGINGFACE_HUB_CACHE") ?? join(home, "hub"),
      paths.home,
    ),
  };
}

async function readToken(env: Host["env"], file: string): Promise<string | undefined> {
  for (const name of ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"]) {
    const token = env[name]?.trim();
    if (token !== undefined && token !== "") return token;
  }
  try {
    const token = (await readFile(file, "utf8")).trim();
    return token === "" ? undefined : token;
  } catch {
    return undefined;
  }
}

function isTrue(value: string | undefined): boolean {
  return value !== undefined && ["1", "ON", "YES", "TRUE"].includes(value.toUpperCase());
}

function expand(path: string, home: string): string {
  return path === "~" || path.startsWith("~/") ? join(home, path.slice(1)) : path;
}
