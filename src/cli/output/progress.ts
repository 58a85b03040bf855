import type { OutputStream } from "../../host/terminal.ts";
import { formatBytes } from "../../models/bytes.ts";
import type { Progress } from "../../events.ts";
import type { Style } from "./style.ts";
import { fit, oneLine } from "./table.ts";
import { formatDuration } from "./duration.ts";

/** Lines that stay, and below them (on a terminal) one line that is redrawn. */
export interface LiveLine {
  /** Prints a line above the live one. */
  print(line: string): void;
  /** What is going on now; undefined when nothing is. Not a terminal: nothing. */
  activity(title: string | undefined): void;
  progress(progress: Progress): void;
  /** How far what goes on has come. Not a terminal: a line when the words before the numbers change, or every half minute. */
  phase(text: string): void;
  /** Removes the live line for good. */
  end(): void;
}

/** Redraws per second are for eyes: more only cost time on slow terminals. */
const REDRAW_MS = 80;

export function createLiveLine(stream: OutputStream, style: Style, now: () => number): LiveLine {
  return stream.isTty ? redrawn(stream, style, now) : plain(stream, now);
}

function redrawn(stream: OutputStream, style: Style, now: () => number): LiveLine {
  const running = new Map<string, Progress>();
  let title: string | undefined;
  let phase: string | undefined;
  let shown = false;
  let drawnAt = Number.NEGATIVE_INFINITY;
  const clear = (): void => {
    if (shown) stream.write("\r\u001b[K");
    shown = false;
  };
  const activityText = (): string | undefined =>
    title === undefined || phase === undefined ? title : `${title}: ${phase}`;
  const draw = (force: boolean): void => {
    if (!force && now() - drawnAt < REDRAW_MS) return;
    drawnAt = now();
    const text = running.size > 0 ? barText([...running.values()]) : activityText();
    clear();
    if (text === undefined) return;
    // A line as wide as the terminal would wrap and could not be taken back.
    stream.write(style.dim(fit(oneLine(text), (stream.columns() ?? 80) - 1)));
    shown = true;
  };
  return {
    print: (line) => {
      clear();
      stream.write(`${line}\n`);
      draw(true);
    },
    activity: (next) => {
      title = next;
      phase = undefined;
      draw(true);
    },
    phase: (text) => {
      phase = text;
      draw(false);
    },
    progress: (progress) => {
      if (progress.done) running.delete(progress.id);
      else running.set(progress.id, progress);
      draw(progress.done);
    },
    end: () => {
      running.clear();
      title = undefined;
      clear();
    },
  };
}

/** Long silence reads like a hang; a line each second fills logs. */
const REPEAT_MS = 30_000;

function plain(stream: OutputStream, now: () => number): LiveLine {
  const tenths = new Map<string, number>();
  let told: { readonly name: string; readonly at: number } | undefined;
  return {
    print: (line) => stream.write(`${line}\n`),
    activity: () => {},
    phase: (text) => {
      const name = /^[a-z-]*/.exec(text)?.[0] ?? "";
      if (told?.name === name && now() - told.at < REPEAT_MS) return;
      told = { name, at: now() };
      stream.write(`  ${oneLine(text)}\n`);
    },
    progress: (progress) => {
      const tenth = tenthOf(progress);
      if (tenth === tenths.get(progress.id)) return;
      tenths.set(progress.id, tenth);
      if (tenth > 0) stream.write(`${oneLine(progressText(progress))}\n`);
    },
    end: () => {},
  };
}

/** Steps at which a line is printed: each 10 %, or each 100 MB of an unknown total. */
function tenthOf({ bytes, totalBytes, done }: Progress): number {
  if (done) return Number.POSITIVE_INFINITY;
  if (totalBytes === undefined || totalBytes === 0) return Math.floor(bytes / 1e8);
  return Math.floor((bytes / totalBytes) * 10);
}

function barText(running: readonly Progress[]): string {
  const [first] = running;
  if (first === undefined) return "";
  if (running.length === 1) return progressText(first, true);
  const sum = (pick: (each: Progress) => number | undefined): number =>
    running.reduce((total, each) => total + (pick(each) ?? 0), 0);
  const allKnown = running.every((each) => each.totalBytes !== undefined);
  const total: Progress = {
    type: "progress",
    id: "all",
    title: `${first.title} and ${running.length - 1} more`,
    bytes: sum((each) => each.bytes),
    ...(allKnown ? { totalBytes: sum((each) => each.totalBytes) } : {}),
    bytesPerSecond: sum((each) => each.bytesPerSecond),
    etaSeconds: Math.max(...running.map((each) => each.etaSeconds ?? 0)),
    done: false,
  };
  return progressText(total, true);
}

/** `smollm2:135m  45 %  41.0 MB of 91.1 MB, 12.3 MB/s, 4 s left` */
function progressText(progress: Progress, withBar = false): string {
  const { title, bytes, totalBytes, bytesPerSecond, etaSeconds, done } = progress;
  const share = totalBytes === undefined || totalBytes === 0 ? undefined : bytes / totalBytes;
  const percent = share === undefined ? "" : `${Math.floor(Math.min(share, 1) * 100)} %  `;
  const bar = withBar && share !== undefined ? `${barOf(share)} ` : "";
  const amount =
    totalBytes === undefined || done
      ? formatBytes(bytes)
      : `${formatBytes(bytes)} of ${formatBytes(totalBytes)}`;
  const rate = (bytesPerSecond ?? 0) > 0 ? `, ${formatBytes(bytesPerSecond ?? 0)}/s` : "";
  const left =
    !done && (etaSeconds ?? 0) > 0 ? `, ${formatDuration((etaSeconds ?? 0) * 1000)} left` : "";
  return `${title}  ${bar}${percent}${amount}${rate}${left}`;
}

const BAR_CELLS = 10;

function barOf(share: number): string {
  const full = Math.round(Math.min(share, 1) * BAR_CELLS);
  return "█".repeat(full) + "░".repeat(BAR_CELLS - full);
}
