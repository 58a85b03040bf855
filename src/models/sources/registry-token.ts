import * as z from "zod";
import { registryCredentials } from "../../docker/registry-credentials.ts";
import { StackError } from "../../errors.ts";
import { fetchBytes } from "../net/fetch-bytes.ts";
import { isLoopback } from "../net/loopback.ts";
import { parseJson } from "../net/parse-json.ts";
import type { AskTools } from "./source.ts";

const tokenSchema = z.object({
  token: z.string().optional(),
  access_token: z.string().optional(),
});

interface Scope {
  /** Of the registry, such as `https://registry.example`. */
  readonly origin: string;
  readonly registry: string;
  readonly repository: string;
}

/**
 * Answers a `WWW-Authenticate` challenge with a value for `Authorization`, or undefined when there is no way:
 * `Bearer` by the token server it names (distribution spec, token authentication), `Basic` with what `docker login` keeps.
 */
export async function fetchToken(
  tools: AskTools,
  challenge: string,
  scope: Scope,
): Promise<string | undefined> {
  const login = await dockerLogin(tools, scope.registry);
  if (/^basic\b/i.test(challenge)) return login;
  const { realm, service, scope: wanted } = parseChallenge(challenge);
  if (realm === undefined) return undefined;
  const url = tokenServer(realm, scope);
  if (service !== undefined) url.searchParams.set("service", service);
  url.searchParams.set("scope", wanted ?? `repository:${scope.repository}:pull`);
  const { head, body } = await fetchBytes(tools.context, tools.http, {
    what: `The token server of ${scope.registry} gave no token.`,
    url: url.href,
    headers: login === undefined ? {} : { authorization: login },
    maxBytes: 1024 * 1024,
    accept: [401, 403],
  });
  if (head.status !== 200) return undefined;
  const parsed = tokenSchema.safeParse(parseJson(body));
  const token = parsed.data?.token ?? parsed.data?.access_token;
  return token === undefined ? undefined : `Bearer ${token}`;
}

/** `Bearer realm="…",service="…",scope="…"` → its parameters. */
export function parseChallenge(challenge: string): {
  readonly realm: string | undefined;
  readonly service: string | undefined;
  readonly scope: string | undefined;
} {
  if (!/^bearer\s/i.test(challenge)) {
    return { realm: undefined, service: undefined, scope: undefined };
  }
  const parameters = new Map(
    [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = "", value = ""]) => [
      key.toLowerCase(),
      value,
    ]),
  );
  return {
    realm: parameters.get("realm"),
    service: parameters.get("service"),
    scope: parameters.get("scope"),
  };
}

/** A registry reached by TLS must not send a login elsewhere in clear. */
function tokenServer(realm: string, scope: Scope): URL {
  const url = URL.parse(realm, scope.origin);
  if (url !== null) {
    if (url.protocol === "https:") return url;
    if (url.protocol === "http:" && (isLoopback(url.hostname) || scope.origin.startsWith("http:")))
      return url;
  }
  throw new StackError("MODEL_UNAVAILABLE", {
    what: `The registry ${scope.registry} names a token server that cannot be asked safely.`,
    why: url === null ? `"${realm}" is no address.` : `${url.protocol}//${url.host} is not TLS.`,
    next: "ask whoever runs this registry",
  });
}

/**
 * What `docker login` keeps, as a header. An identity token is only good for token servers that speak OAuth2. A broken
 * configuration of Docker's is no reason not to fetch what everyone may: it is told, and passed over.
 */
async function dockerLogin(
  { context: { host, signal, emit } }: AskTools,
  registry: string,
): Promise<string | undefined> {
  try {
    const found = await registryCredentials(host, registry, signal);
    if (found === undefined || !("username" in found)) return undefined;
    return `Basic ${Buffer.from(`${found.username}:${found.password}`).toString("base64")}`;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof StackError)) throw error;
    emit({ type: "warning", message: `No login for ${registry} is known: ${error.what}` });
    return undefined;
  }
}
