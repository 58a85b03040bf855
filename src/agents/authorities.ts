import type { Endpoint } from "../endpoint.ts";

/**
 * Variables by which clients believe an endpoint whose authority nobody knows: Node's, and the one of httpx (under OpenAI's client,
 * `_config.py`) and LiteLLM (`get_ssl_configuration`). Those take it in place of certifi's file, and either may be set by the user
 * already: so the file has all that is believed here.
 */
export function authorityEnv({ authorities }: Endpoint): Record<string, string> {
  if (authorities === undefined) return {};
  return { NODE_EXTRA_CA_CERTS: authorities, SSL_CERT_FILE: authorities };
}
