import type { IncomingHttpHeaders, IncomingMessage } from "node:http";

/** A stream that is only handed on: of Node, or of tar-stream. */
interface TarStream {
  pipe(target: NodeJS.WritableStream): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
}

/** One question to the daemon's HTTP API. */
export interface WireRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Without the version: `/containers/json`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: object;
  /** Sent as a tar archive. */
  readonly archive?: TarStream;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds for the whole answer; streams that go on for ever give `undefined`. */
  readonly deadlineMs?: number | undefined;
}

interface WireAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: IncomingMessage;
}

/** Sends a request and resolves once the head of the answer is here. Any status is an answer; only the connection rejects. */
export type Wire = (request: WireRequest) => Promise<WireAnswer>;

/** The part of dockerode's transport that is used; its own types leave it `any`. */
export interface Modem {
  dial(
    options: object,
    callback: (error: Error | null, answer: IncomingMessage | null) => void,
  ): void;
}

/** Every status is an answer: what it means is decided where the question was asked. */
const ANY_STATUS = Object.fromEntries(
  Array.from({ length: 500 }, (_, index) => [index + 100, true]),
);

/**
 * Speaks through dockerode's modem, always asking for the raw stream: its own reading of bodies never ends
 * when the connection is cut after the head, and its progress reader calls an in-band error a success.
 */
export function modemWire(modem: Modem): Wire {
  return (asked) => {
    const { method, path, query, headers, body, archive, signal, deadlineMs } = asked;
    const deadline = deadlineMs === undefined ? undefined : AbortSignal.timeout(deadlineMs);
    const abort = AbortSignal.any([signal, deadline].filter((each) => each !== undefined));
    abort.throwIfAborted();
    const parameters = defined(query);
    const { promise, resolve, reject } = Promise.withResolvers<WireAnswer>();
    modem.dial(
      {
        method,
        // The modem appends `_query` to a path that ends so, and sends `_body` unless it is empty.
        path: Object.keys(parameters).length === 0 ? path : `${path}?`,
        options: { _query: parameters, _body: body ?? {} },
        headers: { ...headers },
        ...(archive === undefined ? {} : { file: archive }),
        isStream: true,
        statusCodes: ANY_STATUS,
        abortSignal: abort,
      },
      (error, answer) => {
        if (answer === null) {
          reject(abort.aborted ? abort.reason : (error ?? new Error("no answer")));
          return;
        }
        // Without a listener a connection cut later would be an uncaught error; whoever reads still sees it.
        answer.on("error", () => {});
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: answer });
      },
    );
    return promise;
  };
}

function defined(query: WireRequest["query"]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(query ?? {}).flatMap(([key, value]) =>
      value === undefined ? [] : [[key, String(value)]],
    ),
  );
}
