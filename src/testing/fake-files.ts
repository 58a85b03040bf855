import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What goes wrong with one request. */
export type Fault =
  /** The connection breaks after so many bytes of the body. */
  | { readonly kind: "cut"; readonly afterBytes: number }
  /** Nothing more comes after so many bytes, and the connection stays open. */
  | { readonly kind: "stall"; readonly afterBytes: number }
  /** No answer at all, and the connection stays open. */
  | { readonly kind: "silence" }
  /** The body ends properly, but too early: chunked, without a length. */
  | { readonly kind: "end-early"; readonly afterBytes: number }
  /** A Range is answered by 200 and the whole file. */
  | { readonly kind: "ignore-range" }
  /** A Range is answered by 206 with bytes from elsewhere. */
  | { readonly kind: "wrong-range" }
  /** One byte of the file is another. */
  | { readonly kind: "corrupt"; readonly atByte: number }
  | {
      readonly kind: "status";
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
    };

interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly range: string | undefined;
  readonly headers: IncomingMessage["headers"];
}

interface ServedFile {
  readonly body: Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  /** Answered instead of the file. */
  readonly redirect?: string;
}

/** A file server that speaks Range, If-Range and ETag, and misbehaves on demand. */
export interface FakeFiles extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly requests: SeenRequest[];
  serve(path: string, file: ServedFile): void;
  /** One fault for each of the next requests for this path. */
  fault(path: string, ...faults: readonly Fault[]): void;
  /** Looked at before the files; true when it has answered. */
  intercept(handler: (request: IncomingMessage, response: ServerResponse) => boolean): void;
  /** Resolves when so many bytes of bodies were sent in all. */
  sent(bytes: number): Promise<void>;
}

export async function fakeFiles(): Promise<FakeFiles> {
  const files = new Map<string, ServedFile>();
  const faults = new Map<string, Fault[]>();
  const requests: SeenRequest[] = [];
  let interceptor: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
  let sentBytes = 0;
  let waiters: { readonly bytes: number; readonly resolve: () => void }[] = [];

  function count(bytes: number): void {
    sentBytes += bytes;
    for (const waiter of waiters.filter((item) => item.bytes <= sentBytes)) waiter.resolve();
    waiters = waiters.filter((item) => item.bytes > sentBytes);
  }

  const server = createServer((request, response) => {
    const path = (request.url ?? "/").split("?")[0] ?? "/";
    const { method = "GET", headers } = request;
    requests.push({ method, path: request.url ?? "/", range: headers.range, headers });
    const fault = faults.get(path)?.shift();
    if (fault?.kind === "status") {
      response.writeHead(fault.status, fault.headers).end(`fault ${fault.status}`);
      return;
    }
    if (fault?.kind === "silence") return;
    if (interceptor?.(request, response) === true) return;
    const file = files.get(path);
    if (file === undefined) {
      response.writeHead(404).end("no such file");
    } else if (file.redirect !== undefined) {
      response.writeHead(307, { location: file.redirect, ...file.headers }).end();
    } else {
      answer(request, response, file, fault, count);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    serve: (path, file) => {
      files.set(path, file);
    },
    fault: (path, ...more) => {
      faults.set(path, [...(faults.get(path) ?? []), ...more]);
    },
    intercept: (handler) => {
      interceptor = handler;
    },
    sent: (bytes) =>
      sentBytes >= bytes
        ? Promise.resolve()
        : new Promise((resolve) => {
            waiters.push({ bytes, resolve });
          }),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  file: ServedFile,
  fault: Fault | undefined,
  count: (bytes: number) => void,
): void {
  const body = fault?.kind === "corrupt" ? corrupted(file.body, fault.atByte) : file.body;
  const etag = `"${createHash("sha256").update(file.body).digest("hex").slice(0, 16)}"`;
  const asked = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
  const ifRange = request.headers["if-range"];
  const partial = asked !== null && fault?.kind !== "ignore-range" && (ifRange ?? etag) === etag;
  let start = partial ? Number(asked[1]) : 0;
  if (partial && start >= body.length) {
    response.writeHead(416, { "content-range": `bytes */${body.length}` }).end();
    return;
  }
  if (partial && fault?.kind === "wrong-range") start = Math.floor(start / 2);
  const end = partial && asked[2] !== "" ? Number(asked[2]) + 1 : body.length;
  const rest = body.subarray(start, end);
  const early = fault?.kind === "end-early";
  response.writeHead(partial ? 206 : 200, {
    etag,
    "accept-ranges": "bytes",
    ...(early ? {} : { "content-length": rest.length }),
    ...(partial
      ? { "content-range": `bytes ${start}-${start + rest.length - 1}/${body.length}` }
      : {}),
    ...file.headers,
  });
  if (request.method === "HEAD") {
    response.end();
    return;
  }
  if (fault?.kind !== "cut" && fault?.kind !== "stall" && !early) {
    response.end(rest, () => count(rest.length));
    return;
  }
  const piece = rest.subarray(0, fault.afterBytes);
  response.write(piece, () => {
    count(piece.length);
    if (fault.kind === "cut") response.socket?.destroy();
    if (early) response.end();
  });
}

function corrupted(body: Buffer, atByte: number): Buffer {
  const copy = Buffer.from(body);
  copy[atByte] = (copy[atByte] ?? 0) ^ 0xff;
  return copy;
}
