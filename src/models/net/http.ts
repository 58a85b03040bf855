import type { Agent, Dispatcher } from "undici";
import type { RunContext } from "../../run-context.ts";
import { isLoopback } from "./loopback.ts";
import { trustedAuthorities } from "./trust.ts";

interface Request {
  readonly url: string;
  readonly method?: "GET" | "HEAD";
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Redirects; true where nothing is said. */
  readonly follow?: boolean;
}

export interface ResponseHead {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Of the last hop. */
  readonly url: string;
}

/** Slows the sender down: nothing arrives between `pause` and `resume`. */
export interface Flow {
  pause(): void;
  resume(): void;
  /** Ends the exchange with this error. */
  fail(error: Error): void;
}

interface Sink {
  readonly head: (head: ResponseHead) => void;
  readonly data: (chunk: Buffer, flow: Flow) => void;
}

/** HTTP as downloads need it. Follows redirects unless told not to; rejects for network trouble, never for a status. */
export interface Http {
  exchange(request: Request, sink: Sink): Promise<ResponseHead>;
  close(): Promise<void>;
}

export interface HttpLimits {
  /** Milliseconds without a byte after which a peer counts as stalled. */
  readonly stallMs: number;
  readonly connectMs: number;
}

const MAX_REDIRECTS = 10;

/** Proxies from the environment (never for loopback), extra certificate authorities from `ca` and the environment. */
export async function openHttp(
  context: Pick<RunContext, "host" | "emit">,
  ca: string | undefined,
  limits: HttpLimits = { stallMs: 30_000, connectMs: 10_000 },
): Promise<Http> {
  const undici = await import("undici");
  const secureContext = await trustedAuthorities(context, ca);
  const tls = secureContext === undefined ? {} : { secureContext };
  // HTTP/1.1: parallel downloads get a connection each, instead of one window for all.
  const agentOptions: Agent.Options = {
    allowH2: false,
    connect: { ...tls, timeout: limits.connectMs },
    headersTimeout: limits.stallMs,
    bodyTimeout: limits.stallMs,
  };
  const direct = new undici.Agent(agentOptions);
  const proxy = proxySettings(context.host.env);
  const proxied =
    proxy.http === "" && proxy.https === ""
      ? undefined
      : new undici.EnvHttpProxyAgent({
          ...agentOptions,
          requestTls: tls,
          proxyTls: tls,
          httpProxy: proxy.http,
          httpsProxy: proxy.https,
          noProxy: proxy.none,
        });

  function dispatcherFor(url: URL): Dispatcher {
    const configured = url.protocol === "https:" ? proxy.https : proxy.http;
    return proxied === undefined || configured === "" || isLoopback(url.hostname)
      ? direct
      : proxied;
  }

  async function exchange(request: Request, sink: Sink): Promise<ResponseHead> {
    let url = new URL(request.url);
    let headers = { ...request.headers };
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const head = await oneHop(dispatcherFor(url), url, { ...request, headers }, sink);
      const location = redirectTarget(head);
      if (location === undefined || request.follow === false) return head;
      const next = new URL(location, url);
      if (next.protocol !== "http:" && next.protocol !== "https:") {
        throw new Error(`${url.host} redirects to a ${next.protocol} address`);
      }
      if (url.protocol === "https:" && next.protocol === "http:") {
        throw new Error(`${url.host} redirects from HTTPS to plain HTTP (${next.host})`);
      }
      // Credentials are for the host they were meant for; signed storage URLs refuse a second kind, too.
      if (next.host !== url.host) headers = without(headers, "authorization");
      url = next;
    }
    throw new Error(`${new URL(request.url).host} redirects more than ${MAX_REDIRECTS} times`);
  }

  return {
    exchange,
    // destroy, not close: a paused or abandoned body would keep the process alive.
    close: async () => {
      await Promise.all([direct.destroy(), proxied?.destroy()]);
    },
  };
}

function oneHop(
  dispatcher: Dispatcher,
  url: URL,
  request: Request,
  sink: Sink,
): Promise<ResponseHead> {
  const { promise, resolve, reject } = Promise.withResolvers<ResponseHead>();
  const { signal } = request;
  if (signal.aborted) return Promise.reject(signal.reason);
  let head: ResponseHead | undefined;
  let skipBody = false;
  let controller: Dispatcher.DispatchController | undefined;
  const abort = (): void => controller?.abort(asError(signal.reason));
  signal.addEventListener("abort", abort, { once: true });
  const flow: Flow = {
    pause: () => controller?.pause(),
    resume: () => controller?.resume(),
    fail: (error) => controller?.abort(error),
  };
  dispatcher.dispatch(
    {
      origin: url.origin,
      path: url.pathname + url.search,
      method: request.method ?? "GET",
      headers: { "accept-encoding": "identity", "user-agent": "stack", ...request.headers },
    },
    {
      onRequestStart: (started) => {
        controller = started;
        if (signal.aborted) abort();
      },
      onResponseStart: (started, status, headers) => {
        if (status < 200) return;
        head = { status, headers: flatten(headers), url: url.href };
        skipBody = request.follow !== false && redirectTarget(head) !== undefined;
        if (skipBody) return;
        try {
          sink.head(head);
        } catch (error) {
          started.abort(asError(error));
        }
      },
      onResponseData: (_, chunk) => {
        if (!skipBody) sink.data(chunk, flow);
      },
      onResponseEnd: () => {
        if (head === undefined) reject(new Error(`${url.host} ended without an answer`));
        else resolve(head);
      },
      onResponseError: (_, error) => reject(signal.aborted ? signal.reason : error),
    },
  );
  return promise.finally(() => signal.removeEventListener("abort", abort));
}

function redirectTarget(head: ResponseHead): string | undefined {
  return [301, 302, 303, 307, 308].includes(head.status) ? head.headers["location"] : undefined;
}

function proxySettings(env: Readonly<Record<string, string | undefined>>): {
  readonly http: string;
  readonly https: string;
  readonly none: string;
} {
  const pick = (name: string): string => env[name] ?? env[name.toUpperCase()] ?? "";
  return { http: pick("http_proxy"), https: pick("https_proxy"), none: pick("no_proxy") };
}

function flatten(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined
        ? []
        : [[name.toLowerCase(), Array.isArray(value) ? value.join(", ") : value]],
    ),
  );
}

function without(headers: Readonly<Record<string, string>>, name: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([header]) => header.toLowerCase() !== name),
  );
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
