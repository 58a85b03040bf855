import { finished } from "node:stream/promises";
import { text } from "node:stream/consumers";
import { StackError } from "../errors.ts";
import type { Host } from "../host/host.ts";
import { daemonWords } from "./daemon-error.ts";
import { lineBuffer } from "./log-frames.ts";
import { advance, emptyPull, lineError, parseProgressLine, pullBytes } from "./pull-lines.ts";
import { registryAuth } from "./registry-auth.ts";
import type { Images } from "./runtime.ts";
import type { Wire } from "./wire.ts";

/** Milliseconds between two progress events: the daemon sends hundreds of lines a second. */
const EVENT_EVERY_MS = 100;
/** A pull that says nothing for this long is given up, in milliseconds. Unpacking a large layer is silent for minutes on a slow disk. */
const SILENCE_MS = 600_000;

/** Pulls by exact reference. The end of the stream is only a success when no line carried an error and it was not cut. */
export async function pullImage(
  wire: Wire,
  host: Host,
  reference: string,
  { onProgress, signal }: Parameters<Images["pull"]>[1],
): Promise<void> {
  const auth = await registryAuth(host, reference, signal);
  const silence = new AbortController();
  try {
    const answer = await wire({
      method: "POST",
      path: "/images/create",
      // Without a tag the daemon would pull all tags there are.
      query: { fromImage: reference, tag: hasTag(reference) ? undefined : "latest" },
      headers: auth === undefined ? {} : { "x-registry-auth": auth },
      signal: AbortSignal.any([signal, silence.signal]),
    });
    if (answer.status !== 200) throw notPulled(reference, daemonWords(await text(answer.body)));
    await readPull(host, reference, answer.body, onProgress, silence);
  } catch (error) {
    if (signal.aborted || error instanceof StackError) throw error;
    throw notPulled(reference, brokenStream(error, silence.signal), error);
  }
}

async function readPull(
  host: Host,
  reference: string,
  body: NodeJS.ReadableStream,
  onProgress: Parameters<Images["pull"]>[1]["onProgress"],
  silence: AbortController,
): Promise<void> {
  const base = { type: "progress", id: `image:${reference}`, title: `Image ${reference}` } as const;
  let state = emptyPull;
  let failure: string | undefined;
  let told = 0;
  const began = host.clock.monotonic();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  const lines = lineBuffer((raw) => {
    const line = parseProgressLine(raw);
    if (line === undefined) return;
    failure ??= lineError(line);
    state = advance(state, line);
    const now = host.clock.monotonic();
    if (now - told < EVENT_EVERY_MS) return;
    told = now;
    const { bytes, total } = pullBytes(state);
    onProgress({ ...base, ...rate(bytes, total, now - began), done: false });
  });
  body.on("data", (chunk: Buffer) => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), SILENCE_MS);
    lines.push(chunk);
  });
  try {
    await finished(body);
  } finally {
    clearTimeout(timer);
  }
  lines.end();
  if (failure !== undefined) throw notPulled(reference, failure);
  const { bytes, total } = pullBytes(state);
  onProgress({ ...base, ...rate(bytes, total, host.clock.monotonic() - began), done: true });
}

/** The part of a progress event that is arithmetic. */
function rate(
  bytes: number,
  total: number,
  ms: number,
): {
  readonly bytes: number;
  readonly totalBytes?: number;
  readonly bytesPerSecond?: number;
  readonly etaSeconds?: number;
} {
  const known = total > 0 ? { totalBytes: total } : {};
  if (bytes === 0 || ms <= 0) return { bytes, ...known };
  const bytesPerSecond = Math.round((bytes * 1000) / ms);
  const left = total > bytes ? { etaSeconds: Math.ceil((total - bytes) / bytesPerSecond) } : {};
  return { bytes, ...known, bytesPerSecond, ...left };
}

function hasTag(reference: string): boolean {
  return reference.includes("@") || /:[^/]+$/.test(reference);
}

function brokenStream(error: unknown, silence: AbortSignal): string {
  if (silence.aborted) return `Nothing came for ${SILENCE_MS / 1000} seconds.`;
  return `The connection to the daemon broke: ${error instanceof Error ? error.message : String(error)}.`;
}

function notPulled(reference: string, why: string, cause?: unknown): StackError {
  return new StackError("IMAGE_UNAVAILABLE", {
    what: `The image ${reference} could not be pulled.`,
    why,
    next: "Build it from package registries with `stack image build <name>`, or name another with `--image`.",
    cause,
  });
}
