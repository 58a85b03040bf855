import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { StackError } from "../../errors.ts";
import { isErrno } from "../../host/atomic-write.ts";
import type { RunContext } from "../../run-context.ts";
import { formatBytes } from "../bytes.ts";
import type { Digest } from "../model.ts";
import type { Http } from "../net/http.ts";
import { withRetry } from "../net/retry.ts";
import { HttpStatusError, type Trouble } from "../net/trouble.ts";
import { hashFile } from "../store/hash-file.ts";
import { lockBase } from "../store/layout.ts";
import { fullDisk, requireSpace } from "./disk-space.ts";
import { withLock } from "../../host/with-lock.ts";
import type { Meter } from "./meter.ts";
import { openPartial, type Partial } from "./partial.ts";
import { transfer } from "./transfer.ts";

/** One file to fetch, known by its digest. */
export interface DownloadJob {
  readonly url: string;
  /** Asked for before each attempt: a token may have been renewed since. */
  readonly headers?: () => Readonly<Record<string, string>>;
  readonly digest: Digest;
  readonly bytes: number | undefined;
  /** For messages, such as `layer sha256:… of ollama:smollm2:135m`. */
  readonly name: string;
  /** Called on a 401 with its challenge; true when the request is worth repeating. */
  readonly authorize?: (challenge: string) => Promise<boolean>;
  /** Says what a refusal means for this source. */
  readonly explain?: (trouble: Trouble, cause: unknown) => Trouble;
}

export interface DownloadTools {
  readonly context: RunContext;
  readonly http: Http;
  readonly meter: Meter;
  /** Folder of locks. */
  readonly locks: string;
}

/**
 * Fetches one file to `target`, which appears only when its bytes have the digest. A file that is there already, with the digest, is kept.
 * Goes on from `<target>.partial`; another process that fetches the same file is waited for.
 * Errors: `MODEL_UNAVAILABLE`, `DIGEST_MISMATCH`, `DOES_NOT_FIT`; aborted, the signal's reason.
 */
export async function download(
  tools: DownloadTools,
  target: string,
  job: DownloadJob,
): Promise<void> {
  if (await isComplete(tools, target, job)) return;
  try {
    await withLock(tools.context, lockBase(tools.locks, "file", target), job.name, async () => {
      if (await isComplete(tools, target, job)) return;
      const partial = await openPartial(target, tools.context.signal);
      try {
        await complete(tools, target, job, partial);
      } finally {
        await partial.close();
      }
    });
  } catch (error) {
    throw fullDisk(error, dirname(target), job.name);
  }
}

async function complete(
  tools: DownloadTools,
  target: string,
  job: DownloadJob,
  partial: Partial,
): Promise<void> {
  const resumed = partial.position();
  tools.meter.at(target, resumed);
  if (resumed > 0) {
    const { emit } = tools.context;
    emit({ type: "info", message: `${job.name} goes on at ${formatBytes(resumed)}.` });
  }
  await fetchRest(tools, target, job, partial);
  if (partial.digest() !== job.digest && resumed > 0) {
    // The bytes of the earlier attempt may be the bad ones (a crash of the machine can leave such).
    await partial.restart(undefined);
    await fetchRest(tools, target, job, partial);
  }
  if (partial.digest() !== job.digest) {
    const found = partial.digest();
    await partial.discard();
    throw new StackError("DIGEST_MISMATCH", {
      what: `${job.name} does not have the digest that was promised.`,
      why: `${new URL(job.url).host} sent ${found}, promised was ${job.digest}. Nothing of it was kept.`,
      next: "try again later; if it stays, do not use this source",
    });
  }
  await partial.publish();
}

async function fetchRest(
  { context, http, meter }: DownloadTools,
  target: string,
  job: DownloadJob,
  partial: Partial,
): Promise<void> {
  if (job.bytes !== undefined) {
    if (partial.position() > job.bytes) await partial.restart(undefined);
    await requireSpace(dirname(target), job.bytes - partial.position(), job.name);
  }
  let before = partial.position();
  /** Where the last login happened: twice at the same byte means that it does not help. */
  let loginAt: number | undefined;
  const attempt = {
    what: `${job.name} could not be fetched.`,
    url: job.url,
    progressed: () => partial.position() > before,
    ...(job.explain === undefined ? {} : { explain: job.explain }),
  };
  await withRetry(context, attempt, async () => {
    while (job.bytes === undefined || partial.position() < job.bytes) {
      before = partial.position();
      const request = {
        url: job.url,
        headers: job.headers?.() ?? {},
        bytes: job.bytes,
        name: job.name,
        folder: dirname(target),
        signal: context.signal,
        onBytes: (position: number) => meter.at(target, position),
      };
      try {
        await transfer(http, partial, request);
        return;
      } catch (error) {
        const challenge = challengeOf(error);
        const again = loginAt === partial.position();
        if (challenge === undefined || again || job.authorize === undefined) throw error;
        if (!(await job.authorize(challenge))) throw error;
        loginAt = partial.position();
      }
    }
  });
}

function challengeOf(error: unknown): string | undefined {
  if (!(error instanceof HttpStatusError) || error.head.status !== 401) return undefined;
  return error.head.headers["www-authenticate"];
}

/** Hashes what is there: a file may be damaged, or have been put there by something else. */
async function isComplete(
  tools: DownloadTools,
  target: string,
  job: DownloadJob,
): Promise<boolean> {
  try {
    const { size } = await stat(target);
    if (job.bytes !== undefined && size !== job.bytes) return false;
    tools.meter.at(target, 0);
    const found = await hashFile(target, tools.context.signal, (position) =>
      tools.meter.at(target, position),
    );
    return found.digest === job.digest;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return false;
    throw error;
  }
}
