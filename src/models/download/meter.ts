import type { RunContext } from "../../run/context.ts";

/** Sums the bytes of one piece of work, of which several files may be under way at once, and tells them as `progress` events. */
export interface Meter {
  /** More work is known of: bytes that will have to be there in the end. */
  expect(bytes: number): void;
  /** Position within one file. The first call of a file is what was there before: it does not count for the rate. */
  at(file: string, position: number): void;
  done(): void;
}

const EMIT_EVERY_MS = 100;
/** The rate is that of the last seconds, so that it follows a connection that changes. */
const WINDOW_MS = 4000;

export function startMeter(
  context: Pick<RunContext, "host" | "emit">,
  id: string,
  title: string,
): Meter {
  const { clock } = context.host;
  const positions = new Map<string, number>();
  const samples: { readonly at: number; readonly moved: number }[] = [];
  let total = 0;
  let moved = 0;
  let lastEmit = Number.NEGATIVE_INFINITY;

  function emit(done: boolean): void {
    const now = clock.monotonic();
    lastEmit = now;
    samples.push({ at: now, moved });
    while (samples.length > 2 && now - (samples[0]?.at ?? now) > WINDOW_MS) samples.shift();
    const bytes = positions.values().reduce((sum, position) => sum + position, 0);
    const oldest = samples[0] ?? { at: now, moved };
    const seconds = (now - oldest.at) / 1000;
    const rate = seconds > 0 ? (moved - oldest.moved) / seconds : undefined;
    context.emit({
      type: "progress",
      id,
      title,
      bytes,
      ...(total > 0 ? { totalBytes: Math.max(total, bytes) } : {}),
      ...(rate === undefined ? {} : { bytesPerSecond: Math.round(rate) }),
      ...(rate === undefined || rate === 0 || total === 0
        ? {}
        : { etaSeconds: Math.ceil(Math.max(0, total - bytes) / rate) }),
      done,
    });
  }

  return {
    expect: (bytes) => {
      total += bytes;
    },
    at: (file, position) => {
      const before = positions.get(file);
      positions.set(file, position);
      if (before !== undefined) moved += Math.max(0, position - before);
      if (clock.monotonic() - lastEmit >= EMIT_EVERY_MS) emit(false);
    },
    done: () => emit(true),
  };
}
