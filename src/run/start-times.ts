import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { writeFileAtomic } from "../host/atomic-write.ts";
import type { Host } from "../host/host.ts";
import { withLock } from "../host/with-lock.ts";
import type { RunContext } from "../run-context.ts";

/** Milliseconds from the start of an engine to its first token, by what was started, newest last. */
const timesSchema = z.record(z.string(), z.array(z.number().nonnegative()));

/** So many starts are remembered of each: enough for a median that one slow disk does not spoil. */
const KEPT = 5;

/** How long the same start took before on this machine, in the median; undefined the first time. */
export async function usualStartMs(host: Host, key: string): Promise<number | undefined> {
  const times = (await read(host))[key] ?? [];
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)];
}

export async function rememberStart(context: RunContext, key: string, ms: number): Promise<void> {
  const { host } = context;
  // Two stacks that come up at once share the file: without this, the later would drop what the earlier wrote.
  const base = join(host.paths.state, "start-times-lock");
  await withLock(context, base, "a note of how long a start took", async () => {
    const all = await read(host);
    const times = [...(all[key] ?? []), Math.round(ms)].slice(-KEPT);
    await writeFileAtomic(file(host), `${JSON.stringify({ ...all, [key]: times })}\n`, {
      mode: 0o600,
    });
  });
}

async function read(host: Host): Promise<z.infer<typeof timesSchema>> {
  try {
    return timesSchema.parse(JSON.parse(await readFile(file(host), "utf8")));
  } catch {
    // Not there yet, or damaged: an estimate less.
    return {};
  }
}

function file(host: Host): string {
  return join(host.paths.state, "start-times.json");
}
