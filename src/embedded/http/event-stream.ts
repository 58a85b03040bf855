/** Silence on a stream longer than this makes some clients and proxies give up; a comment line keeps them waiting while a long prompt is read. */
const KEEP_ALIVE_MS = 10_000;

export interface EventSink {
  send(data: unknown): void;
}

/**
 * Server-sent events written by `write`, which runs at its own speed: a slow reader holds up no conversation. Ends with `[DONE]`; a
 * failure becomes a last event made by `describe`. `onCancel` runs when the client leaves.
 */
export function eventStream(
  write: (sink: EventSink) => Promise<void>,
  describe: (error: unknown) => unknown,
  onCancel: () => void,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let open = true;
  return new ReadableStream<Uint8Array>({
    start(controller) {
      const put = (text: string): void => {
        if (open) controller.enqueue(encoder.encode(text));
      };
      const timer = setInterval(() => put(": waiting\n\n"), KEEP_ALIVE_MS);
      const sink: EventSink = {
        send: (data) => {
          timer.refresh();
          put(`data: ${JSON.stringify(data)}\n\n`);
        },
      };
      void write(sink)
        .then(
          () => put("data: [DONE]\n\n"),
          (error: unknown) => sink.send(describe(error)),
        )
        .finally(() => {
          clearInterval(timer);
          if (open) controller.close();
          open = false;
        });
    },
    cancel() {
      open = false;
      onCancel();
    },
  });
}
