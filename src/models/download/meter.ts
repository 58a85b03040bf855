import type { RunContext } from "../../run-context.ts";

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

interface Sample {
  readonly at: number;
  /** Bytes moved until then. */
  readonly moved: number;
}

export function startMeter(
  context: Pick<RunContext, "host" | "emit">,
  id: string,
  title: string,
): Meter {
  const { clock } = context.host;
  const positions = new Map<string, number>();
  const samples: Sample[] = [];
  let total = 0;
  let moved = 0;
  let lastEmit = Number.NEGATIVE_INFINITY;
  let begun: Sample | undefined;
  let lastMove: Sample | undefined;

  function emit(rate: number | undefined, done: boolean): void {
    const bytes = positions.values().reduce((sum, position) => sum + position, 0);
    const left = Math.max(0, total - bytes);
    context.emit({
      type: "progress",
      id,
      title,
      bytes,
      ...(total > 0 ? { totalBytes: Math.max(total, bytes) } : {}),
      ...(rate === undefined ? {} : { bytesPerSecond: Math.round(rate) }),
      ...(rate === undefined || rate === 0 || total === 0
        ? {}
        : { etaSeconds: Math.ceil(left / rate) }),
      done,
    });
  }

  return {
    expect: (bytes) => {
      total += bytes;
    },
    at: (file, position) => {
      const now = clock.monotonic();
      const before = positions.get(file);
      positions.set(file, position);
      begun ??= { at: now, moved: 0 };
      if (before !== undefined && position > before) {
        moved += position - before;
        lastMove = { at: now, moved };
      }
      if (now - lastEmit < EMIT_EVERY_MS) return;
      lastEmit = now;
      samples.push({ at: now, moved });
      while (samples.length > 2 && now - (samples[0]?.at ?? now) > WINDOW_MS) samples.shift();
      emit(rateBetween(samples[0], { at: now, moved }), false);
    },
    // At the end, the whole way on average: checking and unpacking come after the last byte and do not count.
    done: () => emit(rateBetween(begun, lastMove), true),
  };
}

/** Bytes a second; undefined without time between the two. */
function rateBetween(from: Sample | undefined, to: Sample | undefined): number | undefined {
  if (from === undefined || to === undefined || to.at <= from.at) return undefined;
  return ((to.moved - from.moved) * 1000) / (to.at - from.at);
}
