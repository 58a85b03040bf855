/** One of the process's output streams. */
export interface OutputStream {
  readonly isTty: boolean;
  /** Width in characters; undefined when it is no terminal. */
  readonly columns: () => number | undefined;
  readonly write: (text: string) => void;
}

/** Where a command is read from and written to. */
export interface Terminal {
  readonly out: OutputStream;
  readonly err: OutputStream;
  /** Somebody can be asked: input and stderr are both terminals. */
  readonly interactive: boolean;
  /** Asks on stderr, yes or no. Undefined when there was no answer (end of input). */
  confirm(question: string, signal: AbortSignal): Promise<boolean | undefined>;
}

/** The terminal of this process. */
export function createTerminal(): Terminal {
  return {
    out: outputStream(process.stdout),
    err: outputStream(process.stderr),
    interactive: process.stdin.isTTY && process.stderr.isTTY,
    confirm: async (question, signal) => {
      const { createInterface } = await import("node:readline/promises");
      // stdout is for data. Not in raw mode, so that Ctrl-C stays a signal.
      const prompt = createInterface({
        input: process.stdin,
        output: process.stderr,
        terminal: false,
      });
      const { promise: closed, resolve } = Promise.withResolvers<undefined>();
      prompt.once("close", () => resolve(undefined));
      try {
        const answer = await Promise.race([
          prompt.question(`${question} [y/N] `, { signal }),
          closed,
        ]);
        return answer === undefined ? undefined : /^\s*y(es)?\s*$/i.test(answer);
      } finally {
        prompt.close();
      }
    },
  };
}

function outputStream(stream: NodeJS.WriteStream): OutputStream {
  return {
    isTty: stream.isTTY,
    // A terminal that does not know its size says 0.
    columns: () => (stream.isTTY ? stream.columns || 80 : undefined),
    write: (text) => {
      if (!stream.destroyed && stream.writable) stream.write(text);
    },
  };
}
