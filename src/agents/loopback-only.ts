import { endpointOrigin, type Endpoint } from "../endpoint.ts";

/** A port of loopback on which nothing listens (9 is `discard`): refused at once, where a dropped packet would hang. */
const DEAD_END = "http://127.0.0.1:9";

/**
 * Proxy variables that let a program reach the endpoint and nothing else.
 * Both spellings, because curl and Python prefer the lower-case one that a user's shell may have set.
 */
export function loopbackOnly(endpoint: Endpoint): Record<string, string> {
  const host = new URL(endpointOrigin(endpoint)).hostname.replace(/^\[|\]$/g, "");
  const direct = [...new Set(["127.0.0.1", "localhost", "::1", host])].join(",");
  const env: Record<string, string> = {};
  for (const name of ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"]) {
    env[name] = DEAD_END;
    env[name.toLowerCase()] = DEAD_END;
  }
  env["NO_PROXY"] = direct;
  env["no_proxy"] = direct;
  return env;
}

export const DEAD_END_URL = DEAD_END;
