import type { ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import { StringDecoder } from "node:string_decoder";
import type { SecureContext } from "node:tls";
import type { ProbeAnswer, ProbeRequest } from "./probe.ts";

export interface AskOptions {
  /** `http://127.0.0.1:PORT`, or where `/v1` lies below a path, that too: `https://host/api`. */
  readonly origin: string;
  readonly apiKey: string;
  readonly signal: AbortSignal;
  /** For a server whose base does not end in `/v1`: what stands in place of origin and `/v1`. */
  readonly apiBase?: string | undefined;
  /** With certificate authorities to believe besides the usual ones. */
  readonly secureContext?: SecureContext | undefined;
}

/** Longest answer of a probe that is read, in bytes: model lists of hosted routers stay below it. */
const ANSWER_LIMIT = 4 * 1024 * 1024;

/**
 * Asks once over a connection of its own. node:http and not fetch: no proxy variable can divert it,
 * and it is loaded in a tenth of the time. Redirects are answers: a key is sent nowhere but where it was meant for.
 * Rejects with the socket's error, or with the signal's reason.
 */
export async function ask(probe: ProbeRequest, options: AskOptions): Promise<ProbeAnswer> {
  const body = probe.body === undefined ? undefined : JSON.stringify(probe.body);
  const url = probeUrl(probe.path, options);
  const request = await requester(url, options.secureContext);
  const { promise, resolve, reject } = Promise.withResolvers<ProbeAnswer>();
  const begun = performance.now();
  const outgoing = request(
    url,
    {
      method: probe.method,
      agent: false,
      signal: options.signal,
      headers: {
        authorization: `Bearer ${options.apiKey}`,
        connection: "close",
        ...(body === undefined
          ? {}
          : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
      },
    },
    (incoming) => {
      const status = incoming.statusCode ?? 0;
      const decoder = new StringDecoder("utf8");
      let text = "";
      let first: number | undefined;
      let patience: NodeJS.Timeout | undefined;
      const finish = (): void => {
        clearTimeout(patience);
        const ms = performance.now() - begun;
        resolve({ status, text, ms, ...(first === undefined ? {} : { firstEventMs: first }) });
        incoming.destroy();
      };
      incoming.on("data", (chunk: Buffer) => {
        text += decoder.write(chunk);
        if (first === undefined && status === 200 && hasFirstEvent(text)) {
          first = performance.now() - begun;
          if (probe.read !== "whole") patience = setTimeout(finish, probe.read.restMs);
        }
        if (text.length > ANSWER_LIMIT) finish();
      });
      incoming.on("end", finish);
      incoming.on("error", (error) => {
        clearTimeout(patience);
        reject(error);
      });
    },
  );
  outgoing.on("error", (error) => reject(options.signal.aborted ? options.signal.reason : error));
  outgoing.end(body);
  return promise;
}

/** `/v1/models` below the base that was given; any other path below its origin. */
function probeUrl(path: string, { origin, apiBase }: AskOptions): URL {
  const base = apiBase !== undefined && path.startsWith("/v1/") ? apiBase : origin;
  const rest = base === apiBase ? path.slice("/v1".length) : path;
  return new URL(`${base.replace(/\/$/, "")}${rest}`);
}

type Requester = (
  url: URL,
  options: RequestOptions,
  onResponse: (incoming: IncomingMessage) => void,
) => ClientRequest;

/** TLS is loaded where it is spoken only. */
async function requester(url: URL, secureContext: SecureContext | undefined): Promise<Requester> {
  if (url.protocol === "http:") return (await import("node:http")).request;
  const { request } = await import("node:https");
  if (secureContext === undefined) return request;
  return (target, options, onResponse) => {
    // Node hands it to tls.connect; its types don't say so.
    const trusting = { ...options, secureContext };
    return request(target, trusting, onResponse);
  };
}

/** A server-sent event that carries data is complete once its line has ended. */
function hasFirstEvent(text: string): boolean {
  return /^data: ?\S.*\n/m.test(text);
}
