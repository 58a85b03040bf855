import { finished } from "node:stream/promises";
import { text } from "node:stream/consumers";
import { daemonRefusal, lostConnection } from "./daemon-error.ts";
import { logLines } from "./log-frames.ts";
import type { Containers } from "./runtime.ts";
import type { Wire } from "./wire.ts";

/** Cap of reading the end of a log that is not followed. */
const TAIL_MS = 20_000;

/** The last `count` lines; stdout and stderr as they came. */
export async function tailLog(
  wire: Wire,
  id: string,
  count: number,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const lines: string[] = [];
  const deadline = AbortSignal.timeout(TAIL_MS);
  await readLog(wire, id, {
    tail: count,
    follow: false,
    signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
    onLine: (line) => lines.push(line),
  });
  return lines.slice(-count);
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

async function readLog(
  wire: Wire,
  id: string,
  options: Parameters<Containers["follow"]>[1] & { readonly follow: boolean },
): Promise<void> {
  const what = `Reading the log of container ${id}`;
  const answer = await wire({
    method: "GET",
    path: `/containers/${id}/logs`,
    query: { stdout: true, stderr: true, tail: options.tail, follow: options.follow },
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
