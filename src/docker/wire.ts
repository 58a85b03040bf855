import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { request as requestTls, type RequestOptions } from "node:https";
import type { Readable } from "node:stream";
import type { DaemonAddress } from "./address.ts";

/** One question to the daemon's HTTP API. */
export interface WireRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE" | "HEAD";
  /** Without the version: `/containers/json`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON, a stream as a tar archive. */
  readonly body?: object | Readable;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds for the whole answer; streams that go on for ever give `undefined`. */
  readonly deadlineMs?: number | undefined;
}

export interface WireAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: IncomingMessage;
}

/** Sends a request and resolves once the head of the answer is here. Any status is an answer; only the connection rejects. */
export type Wire = (request: WireRequest) => Promise<WireAnswer>;

/** Speaks HTTP to the daemon at `address`. `apiVersion` (`1.41`) prefixes every path; without it the daemon takes its newest. */
export function httpWire(
  address: Exclude<DaemonAddress, { kind: "ssh" }>,
  apiVersion?: string,
): Wire {
  const prefix = apiVersion === undefined ? "" : `/v${apiVersion}`;
  return (asked) => send(connection(address), prefix, asked);
}

function connection(address: Exclude<DaemonAddress, { kind: "ssh" }>): RequestOptions {
  if (address.kind === "socket") {
    // A connection each: one kept from before a restart of the daemon would fail the next request.
    return { socketPath: address.path, agent: new Agent({ keepAlive: false }) };
  }
  const { host, port, tls } = address;
  if (tls === undefined) return { host, port };
  return {
    host,
    port,
    protocol: "https:",
    ca: tls.ca,
    cert: tls.cert,
    key: tls.key,
    rejectUnauthorized: tls.verify,
  };
}

async function send(
  options: RequestOptions,
  prefix: string,
  { method, path, query, headers, body, signal, deadlineMs }: WireRequest,
): Promise<WireAnswer> {
  const signals = [signal, deadlineMs === undefined ? undefined : AbortSignal.timeout(deadlineMs)];
  const abort = AbortSignal.any(signals.filter((each) => each !== undefined));
  abort.throwIfAborted();
  const json = body !== undefined && !isStream(body) ? JSON.stringify(body) : undefined;
  const begin = options.protocol === "https:" ? requestTls : request;
  return new Promise((resolve, reject) => {
    const outgoing = begin({
      ...options,
      method,
      path: `${prefix}${path}${queryText(query)}`,
      headers: { host: "docker", ...contentHeaders(body, json), ...headers },
      signal: abort,
    });
    outgoing.once("error", (error) => reject(abort.aborted ? reasonOf(abort, error) : error));
    outgoing.once("response", (incoming) => {
      // Without a listener a cut connection after the head would be an uncaught error; whoever reads still sees it.
      incoming.on("error", () => {});
      resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: incoming });
    });
    if (body !== undefined && isStream(body)) {
      body.once("error", (error) => outgoing.destroy(error));
      body.pipe(outgoing);
    } else {
      outgoing.end(json);
    }
  });
}

function isStream(body: object): body is Readable {
  return "pipe" in body;
}

function contentHeaders(
  body: object | undefined,
  json: string | undefined,
): Record<string, string> {
  if (json !== undefined) {
    return {
      "content-type": "application/json",
      "content-length": `${Buffer.byteLength(json)}`,
    };
  }
  return body === undefined ? {} : { "content-type": "application/x-tar" };
}

function queryText(query: WireRequest["query"]): string {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value !== undefined) parameters.set(key, String(value));
  }
  return parameters.size === 0 ? "" : `?${parameters.toString()}`;
}

function reasonOf(signal: AbortSignal, fallback: Error): Error {
  return signal.reason instanceof Error ? signal.reason : fallback;
}
