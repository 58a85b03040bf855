import { finished } from "node:stream/promises";
import { text } from "node:stream/consumers";
import { daemonRefusal, lostConnection } from "./daemon-error.ts";
import { logLines } from "./log-frames.ts";
import type { Containers } from "./runtime.ts";
import type { Wire } from "./wire.ts";

/** Cap of reading a part of a log that is not followed. */
const TAIL_MS = 20_000;

/** A log's own times are a little before that at which the container is said to have started. */
const BEFORE_MS = 1000;

/** The last `count` lines, of its latest start where that is known; stdout and stderr as they came. */
export async function tailLog(
  wire: Wire,
  id: string,
  count: number,
  { startedAt, signal }: NonNullable<Parameters<Containers["tail"]>[2]> = {},
): Promise<readonly string[]> {
  const lines: string[] = [];
  const deadline = AbortSignal.timeout(TAIL_MS);
  await readLog(wire, id, {
    tail: count,
    startedAt,
    follow: false,
    signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
    onLine: (line) => lines.push(line),
  });
  return lines.slice(-count);
}

/** The first `count` lines, of its latest start where that is known. The rest of the log is not waited for. */
export async function headLog(
  wire: Wire,
  id: string,
  count: number,
  { startedAt, signal }: Parameters<Containers["head"]>[2],
): Promise<readonly string[]> {
  const lines: string[] = [];
  const enough = new AbortController();
  try {
    await readLog(wire, id, {
      tail: "all",
      follow: false,
      startedAt,
      signal: AbortSignal.any([signal, AbortSignal.timeout(TAIL_MS), enough.signal]),
      onLine: (line) => {
        if (lines.length < count) lines.push(line);
        else enough.abort();
      },
    });
  } catch (error) {
    if (!enough.signal.aborted) throw error;
  }
  return lines;
}

/** Calls `onLine` until the container ends or `signal` aborts: both are a normal end. */
export async function followLog(
  wire: Wire,
  id: string,
  options: Parameters<Containers["follow"]>[1],
): Promise<void> {
  try {
    await readLog(wire, id, { ...options, follow: true });
  } catch (error) {
    if (!options.signal.aborted) throw error;
  }
}

interface LogReading extends Omit<Parameters<Containers["follow"]>[1], "tail"> {
  readonly tail: number | "all";
  readonly follow: boolean;
}

async function readLog(wire: Wire, id: string, options: LogReading): Promise<void> {
  const what = `Reading the log of container ${id}`;
  // Seconds since 1970, by the daemon's clock.
  const since = (Date.parse(options.startedAt ?? "") - BEFORE_MS) / 1000;
  const answer = await wire({
    method: "GET",
    path: `/containers/${id}/logs`,
    query: {
      stdout: true,
      stderr: true,
      tail: options.tail,
      follow: options.follow,
      ...(since > 0 ? { since } : {}),
    },
    signal: options.signal,
  }).catch((error: unknown) => {
    throw options.signal.aborted ? error : lostConnection(what, error);
  });
  if (answer.status !== 200) {
    throw daemonRefusal(what, { status: answer.status, text: await text(answer.body) });
  }
  const lines = logLines(options.onLine);
  answer.body.on("data", lines.push);
  await finished(answer.body).catch((error: unknown) => {
    throw options.signal.aborted ? error : lostConnection(what, error);
  });
  lines.end();
}
