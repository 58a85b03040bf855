import type { AdoptedEngine, Engine } from "../engines/engine.ts";
import { StackError } from "../errors.ts";
import { isLoopback } from "../models/net/loopback.ts";
import { originText } from "./resolve-settings.ts";
import type { ResolvedSettings, SettingKey } from "./settings.ts";

/** Where an adopted server is. */
export interface AdoptedBase {
  /** What clients are given; ends in `/v1` nearly always. */
  readonly apiBase: string;
  /** For what lies beside `/v1`, such as `/props`. */
  readonly origin: string;
  /** Whether prompts stay on this machine. */
  readonly local: boolean;
}

/**
 * `http://host:8000` and `http://host:8000/v1/` are the same; any other path is taken as it is written.
 * Not a URL, or one with a password in it, is `USAGE`.
 */
export function adoptedBase(text: string): AdoptedBase {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.username !== "" || url.password !== "") {
    throw new StackError("USAGE", {
      what: "--url is no address of a server, or has a password in it.",
      why: "A key, where one is asked for, is in a file and not in the address.",
      next: "stack up --url http://host:port/v1 --key-file FILE",
    });
  }
  const path = url.pathname.replace(/\/+$/, "");
  const apiBase = `${url.origin}${path === "" ? "/v1" : path}`;
  const origin = apiBase.endsWith("/v1") ? apiBase.slice(0, -"/v1".length) : url.origin;
  return { apiBase, origin, local: isLoopback(url.hostname) };
}

/** What a user should know of where it is. */
export function baseWarnings({ apiBase, local }: AdoptedBase, hasKey: boolean): readonly string[] {
  if (local) return [];
  const { host } = new URL(apiBase);
  const plain = apiBase.startsWith("http:");
  return [
    `Prompts leave this machine: they go to ${host}${plain ? ", unencrypted" : ""}.`,
    ...(plain && hasKey ? [`The key goes to ${host} unencrypted too.`] : []),
  ];
}

/** Settings that only an adopted server reads. */
const ADOPTED_ONLY = ["url", "keyFile"] as const satisfies readonly SettingKey[];

/**
 * The server to adopt, where one is to be: the engine itself, or what stands in for it under `--adopt`.
 * A setting that this engine does not read is `USAGE`: it would seem to work and do nothing.
 */
export function engineToAdopt(
  engine: Engine,
  { values, origins }: ResolvedSettings,
): AdoptedEngine | undefined {
  const refuse = (key: SettingKey, next: string): never => {
    throw new StackError("USAGE", {
      what: `The engine ${engine.name} has no use for \`${key}\` (from ${originText(origins[key])}).`,
      next,
    });
  };
  if (engine.kind === "adopted") {
    return values.adopt ? refuse("adopt", `stack up ${engine.name}`) : engine;
  }
  const adopted = engine.kind === "container" ? engine.adopted : undefined;
  if (values.adopt) return adopted ?? refuse("adopt", "stack up ollama --adopt");
  for (const key of ADOPTED_ONLY) {
    if (values[key] !== undefined) {
      refuse(key, `stack up ${adopted === undefined ? "openai" : `${engine.name} --adopt`}`);
    }
  }
  return undefined;
}
