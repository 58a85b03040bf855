import type { PathRule } from "../engines/engine.ts";
import { GATEWAY_PORT } from "./gateway-container.ts";
import { GATEWAY_ERRORS, apiError } from "./gateway-errors.ts";
import { ENGINE_ALIAS } from "./names.ts";

/** Bytes of a request's body. A prompt of a million tokens has about 4 MB; the rest is for images. */
export const BODY_LIMIT_BYTES = 32 * 1024 * 1024;

export interface GatewayConfigInput {
  /** Port of the engine on the sealed network. */
  readonly enginePort: number;
  /** SHA-256 of the API key, 64 lower-case hex digits: the key itself is nowhere on the daemon. Or `"${NAME}"`, a variable of HAProxy's own environment. */
  readonly keySha256: string;
  readonly paths: readonly PathRule[];
  /** Port on 127.0.0.1 that clients connect to. */
  readonly port: number | `\${${string}}`;
  readonly bodyLimitBytes: number;
  /** Answer of `GET /stack/endpoint`, without the key; undefined: 404. */
  readonly endpointJson?: string | undefined;
  /** See `ContainerEngine`. */
  readonly overflowMarks?: readonly string[] | undefined;
}

/** Names under which clients may call us. Anything else is DNS rebinding, or a proxy nobody meant. */
const HOSTS = ["127.0.0.1", "localhost", "[::1]"] as const;

/**
 * HAProxy's configuration (2.6 and newer). Checks in this order: Host 403, Origin 403, key 401, path 404, method 405,
 * length 411 and 413. Answers are streamed as they come; what the gateway refuses has the shape of `apiError`.
 */
export function gatewayConfig(input: GatewayConfigInput): string {
  return `${[...global(), ...defaults(), ...resolvers(), ...frontend(input), ...backend(input)].join("\n")}\n`;
}

function global(): readonly string[] {
  return [
    "# Written by stack; changes are lost at the next `stack up`.",
    "global",
    "  log stdout format raw daemon",
    "  maxconn 512",
    // One thread forwards far more than an engine produces; the default is one per processor, each with its own pools.
    "  nbthread 1",
    "",
  ];
}

function defaults(): readonly string[] {
  return [
    "defaults",
    "  mode http",
    "  log global",
    // No query, no headers, no bodies: nothing that a user wrote gets into the log.
    '  log-format "%tr %ST %HM %HPO %B bytes %Ta ms %tsc"',
    "  option dontlognull",
    // Without it events are bunched into bursts of 200 ms (measured).
    "  option http-no-delay",
    // A client that goes away takes its request with it, also while the prompt is read.
    "  option abortonclose",
    // A kept connection could be closed by the engine just when the next request is sent on it.
    "  option http-server-close",
    // A refused connection is told at once: whoever waits for the engine asks again anyway.
    "  retries 0",
    "  timeout connect 5s",
    "  timeout http-request 30s",
    "  timeout http-keep-alive 60s",
    // Reading a long prompt on a slow machine takes ten minutes in which nothing is sent.
    "  timeout client 30m",
    "  timeout server 30m",
    ...Object.entries(GATEWAY_ERRORS).map(
      ([status, body]) => `  http-error status ${status} ${json(body)}`,
    ),
    "",
  ];
}

/** The daemon's DNS, which every network of one's own has (Docker's is 127.0.0.11, Podman's is on the network). An engine that comes back with another address is found within a second. */
function resolvers(): readonly string[] {
  return [
    "resolvers docker",
    "  parse-resolv-conf",
    "  resolve_retries 2",
    "  timeout resolve 500ms",
    "  timeout retry 500ms",
    "  hold nx 0",
    "  hold other 5s",
    "  hold refused 5s",
    "  hold timeout 5s",
    "",
  ];
}

function frontend(input: GatewayConfigInput): readonly string[] {
  return [
    "frontend clients",
    `  bind :${GATEWAY_PORT} proto h1`,
    `  acl host_ok req.fhdr(host),lower -m str ${hostValues(input.port).join(" ")}`,
    refuse(403, "This host name is not served here.", "forbidden_host", "!host_ok"),
    "  acl has_origin req.fhdr(origin) -m found",
    `  acl origin_ok req.fhdr(origin),lower -m reg ^https?://(127\\.0\\.0\\.1|localhost|\\[::1\\])(:[0-9]+)?$`,
    refuse(
      403,
      "Pages of other origins may not call this.",
      "forbidden_origin",
      "has_origin !origin_ok",
    ),
    ...keyRules(input.keySha256),
    ...ownPaths(input.endpointJson),
    ...pathRules(input.paths),
    // A chunked body has no length that could be checked before it is here, whatever the method.
    refuse(
      411,
      "Send a Content-Length.",
      "length_required",
      "{ req.hdr(transfer-encoding) -m found } or METH_POST !{ req.hdr(content-length) -m found }",
    ),
    refuse(
      413,
      `The request is larger than ${input.bodyLimitBytes} bytes.`,
      "request_too_large",
      `{ req.body_size gt ${input.bodyLimitBytes} }`,
    ),
    "  http-request del-header Authorization",
    "  http-request del-header X-Api-Key",
    "  default_backend engine",
    "",
  ];
}

/** The key as a bearer token, or as `X-Api-Key`, which Anthropic's clients send. Only hashes are compared. */
function keyRules(keySha256: string): readonly string[] {
  return [
    `  acl key_ok http_auth_bearer,sha2(256),hex,lower -m str ${keySha256}`,
    `  acl key_ok req.fhdr(x-api-key),sha2(256),hex,lower -m str ${keySha256}`,
    refuse(401, "The API key is missing or wrong.", "invalid_api_key", "!key_ok", [
      "hdr WWW-Authenticate Bearer",
    ]),
  ];
}

function ownPaths(endpointJson: string | undefined): readonly string[] {
  return [
    "  http-request use-service prometheus-exporter if METH_GET { path /metrics }",
    ...(endpointJson === undefined
      ? []
      : [
          `  http-request return status 200 ${json(endpointJson)} if METH_GET { path /stack/endpoint }`,
        ]),
  ];
}

function pathRules(paths: readonly PathRule[]): readonly string[] {
  const rules = paths.map((rule) => ({ test: pathTest(rule), methods: rule.methods }));
  return [
    // Whatever could mean another path to the engine than to us.
    "  acl path_tricky path_sub -i .. // %2e %5c %00 \\\\",
    ...rules.map(({ test }) => `  acl path_known ${test}`),
    refuse(404, "There is no such path here.", "not_found", "path_tricky or !path_known"),
    ...rules.map(
      ({ test, methods }) =>
        `  http-request set-var(txn.method_ok) bool(true) if { method ${methods.join(" ")} } { ${test} }`,
    ),
    refuse(
      405,
      "This path does not take this method.",
      "method_not_allowed",
      "!{ var(txn.method_ok) -m bool }",
    ),
  ];
}

function pathTest(rule: PathRule): string {
  return "exact" in rule ? `path ${rule.exact}` : `path_beg ${rule.prefix}`;
}

function backend(input: GatewayConfigInput): readonly string[] {
  const address = `${ENGINE_ALIAS}:${input.enginePort}`;
  return [
    "backend engine",
    `  http-request set-header Host ${address}`,
    `  server engine ${address} resolvers docker resolve-prefer ipv4 init-addr libc,none`,
    ...overflow(input.overflowMarks),
  ];
}

/**
 * Clients look for OpenAI's code to know that a prompt was too long; engines have codes of their own. Those of Anthropic's
 * API, which has no code for it, look for the first words of its message. Only a 400 is read, which is never a stream. The
 * engine's message is kept: it names the two numbers. An error in another API's shape (Ollama's own) has no such message,
 * and stays whole.
 */
function overflow(marks: readonly string[] = []): readonly string[] {
  if (marks.length === 0) return [];
  const message = "%[var(txn.message),json(utf8s)]";
  const body = apiError(message, "invalid_request_error", "context_length_exceeded");
  return [
    "  http-request set-var(txn.anthropic) bool(true) if { path_beg /v1/messages }",
    "  http-response wait-for-body time 5s if { status 400 }",
    // The body is in reach of a rule's expression, and not of the text it returns.
    "  http-response set-var(txn.message) res.body,json_query($.error.message) if { status 400 }",
    // SGLang's error is the body itself.
    "  http-response set-var(txn.message) res.body,json_query($.message) if { status 400 } !{ var(txn.message) -m found }",
    '  http-response set-var-fmt(txn.message) "prompt is too long: %[var(txn.message)]" if { status 400 } { var(txn.anthropic) -m bool } { var(txn.message) -m found }',
    `  http-response return status 400 content-type application/json lf-string '${body}' if { status 400 } { res.body -m sub ${marks.map((mark) => `"${mark}"`).join(" ")} } { var(txn.message) -m found }`,
  ];
}

function hostValues(port: GatewayConfigInput["port"]): readonly string[] {
  return HOSTS.flatMap((host) => [
    host,
    typeof port === "number" ? `${host}:${port}` : `"${host}:${port}"`,
  ]);
}

function refuse(
  status: number,
  message: string,
  code: string,
  condition: string,
  headers: readonly string[] = [],
): string {
  const type = status === 401 ? "authentication_error" : "invalid_request_error";
  const answer = [`status ${status}`, json(apiError(message, type, code)), ...headers].join(" ");
  return `  http-request return ${answer} if ${condition}`;
}

/** A JSON body as HAProxy's arguments. Its single quotes take everything literally but a single quote. */
function json(body: string): string {
  return `content-type application/json string '${body.replaceAll("'", "\\u0027")}'`;
}
