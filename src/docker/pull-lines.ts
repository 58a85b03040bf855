import * as z from "zod";

/** One line of the daemon's progress stream, as far as it is used. */
const lineSchema = z.object({
  id: z.string().optional(),
  status: z.string().optional(),
  stream: z.string().optional(),
  progressDetail: z
    .object({ current: z.number().optional(), total: z.number().optional() })
    .nullish(),
  error: z.string().optional(),
  errorDetail: z.object({ message: z.string().optional() }).nullish(),
  aux: z.unknown().optional(),
});
export type ProgressLine = z.infer<typeof lineSchema>;

/** Reads one line. Something that is not JSON becomes text, so that nothing the daemon says is lost. */
export function parseProgressLine(line: string): ProgressLine | undefined {
  if (line.trim() === "") return undefined;
  try {
    const parsed = lineSchema.safeParse(JSON.parse(line));
    return parsed.success ? parsed.data : { stream: line };
  } catch {
    return { stream: line };
  }
}

/** The error that a line carries in-band (the HTTP status was 200 long ago). */
export function lineError(line: ProgressLine): string | undefined {
  return line.errorDetail?.message ?? line.error;
}

interface Layer {
  readonly bytes: number;
  readonly total: number;
}

/** Bytes of each layer's download; unpacking moves no bytes. */
export interface PullState {
  readonly layers: ReadonlyMap<string, Layer>;
}

export const emptyPull: PullState = { layers: new Map() };

/** Takes one line into account. Pure. */
export function advance(state: PullState, line: ProgressLine): PullState {
  const { id, status, progressDetail } = line;
  if (id === undefined || status === undefined) return state;
  const known = state.layers.get(id);
  const next = layerAfter(status, known, progressDetail?.current, progressDetail?.total);
  if (next === undefined || next === known) return state;
  return { layers: new Map(state.layers).set(id, next) };
}

/** What is moved and what is to be moved, over the layers whose size is known. */
export function pullBytes(state: PullState): { readonly bytes: number; readonly total: number } {
  let bytes = 0;
  let total = 0;
  for (const layer of state.layers.values()) {
    bytes += layer.bytes;
    total += layer.total;
  }
  return { bytes, total };
}

function layerAfter(
  status: string,
  known: Layer | undefined,
  current: number | undefined,
  total: number | undefined,
): Layer | undefined {
  switch (status) {
    case "Downloading": {
      const size = total ?? known?.total ?? 0;
      // A retried layer begins again at 0; the sum must not run backwards in a bar, so the larger stays.
      return {
        bytes: Math.max(current ?? 0, known?.bytes ?? 0),
        total: Math.max(size, current ?? 0),
      };
    }
    case "Download complete":
    case "Pull complete":
      return known === undefined ? undefined : { bytes: known.total, total: known.total };
    default:
      return known;
  }
}
