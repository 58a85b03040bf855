import { StackError } from "../../errors.ts";
import { formatBytes } from "../bytes.ts";
import type { Http, ResponseHead } from "../net/http.ts";
import { HttpStatusError, TransientError } from "../net/trouble.ts";
import { fullDisk } from "./disk-space.ts";
import type { Partial } from "./partial.ts";
import { startPump } from "./pump.ts";

export interface TransferRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Size that was promised. */
  readonly bytes: number | undefined;
  /** For messages. */
  readonly name: string;
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly onBytes: (position: number) => void;
}

/** One attempt: asks for what is missing and appends it. Whatever ends it, what has arrived is written and hashed. */
export async function transfer(
  http: Http,
  partial: Partial,
  request: TransferRequest,
): Promise<void> {
  const from = partial.position();
  const pump = startPump(partial, request.onBytes);
  let expected = request.bytes;
  let received = 0;
  let wanted = false;

  function begin(head: ResponseHead): void {
    const start = bodyStart(head, from);
    if (start === undefined) return;
    wanted = true;
    received = start;
    expected = promisedEnd(head, start) ?? expected;
    if (request.bytes !== undefined && expected !== request.bytes)
      throw wrongSize(request, expected);
    if (start === 0) pump.first(() => partial.restart(strongEtag(head)));
  }

  const [outcome] = await Promise.allSettled([
    http.exchange(
      {
        url: request.url,
        headers: { ...request.headers, ...rangeHeaders(from, partial.etag()) },
        signal: request.signal,
      },
      {
        head: begin,
        data: (chunk, flow) => {
          if (!wanted) return;
          received += chunk.length;
          if (expected !== undefined && received > expected) {
            flow.fail(wrongSize(request, received));
          } else {
            pump.push(chunk, flow);
          }
        },
      },
    ),
  ]);
  // A write that failed is the truer cause: it is what ended the exchange.
  const writeError = await pump.finish();
  if (writeError !== undefined) throw fullDisk(writeError, request.folder, request.name);
  if (outcome.status === "rejected") throw outcome.reason;
  await judge(outcome.value, partial, from, expected);
}

async function judge(
  head: ResponseHead,
  partial: Partial,
  from: number,
  expected: number | undefined,
): Promise<void> {
  const { host } = new URL(head.url);
  if (head.status === 416 && from > 0) {
    await partial.restart(undefined);
    throw new TransientError(`${host} no longer has the part that is missing.`);
  }
  if (head.status === 206 && bodyStart(head, from) === undefined) {
    await partial.restart(undefined);
    throw new TransientError(`${host} sent another part than the one asked for.`);
  }
  if (head.status !== 200 && head.status !== 206) throw new HttpStatusError(head);
  if (expected !== undefined && partial.position() < expected) {
    throw new TransientError(`${host} ended the transfer early.`);
  }
}

/** Where in the file the body begins: 0 for a 200 whatever was asked, `from` for the right 206, else undefined. */
function bodyStart(head: ResponseHead, from: number): number | undefined {
  if (head.status === 200) return 0;
  return head.status === 206 && contentRange(head)?.start === from ? from : undefined;
}

/** Size of the whole file, as this answer tells it. */
function promisedEnd(head: ResponseHead, start: number): number | undefined {
  if (head.status === 206) return contentRange(head)?.total;
  const length = head.headers["content-length"];
  return length === undefined ? undefined : start + Number(length);
}

function contentRange(
  head: ResponseHead,
): { readonly start: number; readonly total: number | undefined } | undefined {
  const match = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(head.headers["content-range"] ?? "");
  if (match === null) return undefined;
  return { start: Number(match[1]), total: match[2] === "*" ? undefined : Number(match[2]) };
}

function strongEtag(head: ResponseHead): string | undefined {
  const etag = head.headers["etag"];
  return etag !== undefined && /^"[^"]*"$/.test(etag) ? etag : undefined;
}

/** If-Range makes a source that has changed answer with the whole new file (RFC 9110, 13.1.5). */
function rangeHeaders(from: number, etag: string | undefined): Record<string, string> {
  if (from === 0) return {};
  return { range: `bytes=${from}-`, ...(etag === undefined ? {} : { "if-range": etag }) };
}

function wrongSize(request: TransferRequest, offered: number | undefined): StackError {
  return new StackError("DIGEST_MISMATCH", {
    what: `${request.name} is not the file that was promised.`,
    why: `${formatBytes(request.bytes ?? 0)} (${request.bytes} bytes) were promised and ${offered ?? 0} bytes are offered by ${new URL(request.url).host}.`,
    next: "try again later; if it stays, do not use this source",
  });
}
