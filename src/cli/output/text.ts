import type { Terminal } from "../../host/terminal.ts";
import type { ErrorReport, PhaseTold, StackEvent } from "../../events.ts";
import { unreachable } from "../../errors.ts";
import type { Output } from "./output.ts";
import { createLiveLine } from "./progress.ts";
import type { Style } from "./style.ts";
import { oneLine, printable } from "./table.ts";
import { formatDuration } from "./duration.ts";

export interface TextOptions {
  readonly terminal: Terminal;
  /** Of stderr. */
  readonly style: Style;
  readonly quiet: boolean;
  readonly verbose: boolean;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
  /** Puts the caller's way of writing `stack` into a command. */
  readonly localise: (text: string) => string;
}

/** For people: data on stdout; steps, progress, warnings and errors on stderr. */
export function textOutput(options: TextOptions): Output {
  const { terminal, style, quiet, verbose, localise } = options;
  const live = createLiveLine(terminal.err, style, options.now);
  const emit = (event: StackEvent): void => {
    if (quiet) return;
    switch (event.type) {
      case "plan":
        return;
      case "step-started":
        if (terminal.err.isTty) live.activity(`… ${event.title}`);
        else live.print(`… ${oneLine(event.title)}`);
        return;
      case "step-done":
        live.activity(undefined);
        live.print(
          `${style.good("✓")} ${oneLine(event.title)} ${style.dim(`(${formatDuration(event.ms)})`)}`,
        );
        return;
      case "step-failed":
        live.activity(undefined);
        live.print(
          `${style.bad("✗")} ${oneLine(`${event.title}: ${event.why}`)} ${style.dim(`(${formatDuration(event.ms)})`)}`,
        );
        return;
      case "step-undone":
        live.print(`${style.warn("↶")} ${oneLine(event.title)}`);
        return;
      case "progress":
        live.progress(event);
        return;
      case "rung": {
        const detail = event.detail === undefined ? "" : `: ${event.detail}`;
        if (verbose) {
          live.print(
            style.dim(`  ${oneLine(`${event.rung}${detail}`)} (${formatDuration(event.ms)})`),
          );
        }
        return;
      }
      case "phase":
        live.phase(phaseText(event));
        return;
      case "info":
        live.print(printable(event.message));
        return;
      case "debug":
        if (verbose) live.print(style.dim(printable(event.message)));
        return;
      case "warning":
        live.print(`${style.warn("warning:")} ${printable(localise(event.message))}`);
        if (event.next !== undefined) live.print(`   next: ${indentMore(localise(event.next), 9)}`);
        return;
      default:
        return unreachable(event);
    }
  };
  return {
    emit,
    data: (_item, text) => {
      live.end();
      terminal.out.write(`${text}\n`);
    },
    result: ({ text, hints }) => {
      live.end();
      if (text !== "") terminal.out.write(`${text}\n`);
      if (!quiet && hints.length > 0) terminal.err.write(`${hints.join("\n")}\n`);
    },
    error: (report, stack) => {
      live.end();
      terminal.err.write(`${errorText(report, style)}\n`);
      if (verbose && stack !== undefined) terminal.err.write(`${style.dim(printable(stack))}\n`);
    },
  };
}

/** `weights 50 %, 12 s, about 20 s left` */
function phaseText({ phase, fraction, elapsedSeconds, etaSeconds }: PhaseTold): string {
  return [
    fraction === undefined ? phase : `${phase} ${Math.floor(fraction * 100)} %`,
    `${elapsedSeconds} s`,
    ...(etaSeconds === undefined ? [] : [`about ${etaSeconds} s left`]),
  ].join(", ");
}

/** What, why, evidence, next: in this order, each on lines of its own. */
function errorText(report: ErrorReport, style: Style): string {
  const { code, what, why, detail = [], next } = report;
  return [
    `${style.bad("error:")} ${printable(what)} ${style.dim(`[${code}]`)}`,
    ...(why === undefined ? [] : [`  why: ${indentMore(printable(why), 7)}`]),
    ...detail.map((line) => `    ${printable(line)}`),
    ...(next === undefined ? [] : [` next: ${style.strong(indentMore(printable(next), 7))}`]),
  ].join("\n");
}

function indentMore(text: string, columns: number): string {
  return text.trimEnd().replaceAll("\n", `\n${" ".repeat(columns)}`);
}
