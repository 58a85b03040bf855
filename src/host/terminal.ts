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
  /** Asks on stderr. Undefined when the question was cancelled. */
  confirm(question: string, signal: AbortSignal): Promise<boolean | undefined>;
}

/** The terminal of this process. */
export function createTerminal(): Terminal {
  return {
    out: outputStream(process.stdout),
    err: outputStream(process.stderr),
    interactive: process.stdin.isTTY && process.stderr.isTTY,
    confirm: async (question, signal) => {
      const { confirm, isCancel } = await import("@clack/prompts");
      // stdout is for data: a question there would end up in a pipe.
      const answer = await confirm({
        message: question,
        initialValue: false,
        output: process.stderr,
        signal,
      });
      return isCancel(answer) ? undefined : answer;
    },
  };
}

function outputStream(stream: NodeJS.WriteStream): OutputStream {
  return {
    isTty: stream.isTTY,
    columns: () => (stream.isTTY ? stream.columns : undefined),
    write: (text) => {
      if (!stream.destroyed && stream.writable) stream.write(text);
    },
  };
}
