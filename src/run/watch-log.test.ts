import { expect, it } from "vitest";
import { vllm } from "../engines/vllm.ts";
import type { Host } from "../host/host.ts";
import { quickClock } from "../testing/quick-clock.ts";
import { watchLog } from "./watch-log.ts";

/** What vLLM 0.32.0 wrote, given a cache that is too small: its process ended 14 s later. */
const TOO_SMALL = [
  "INFO 11-25 13:16:24 [cpu_worker.py:260] Explicitly set (0.01/8.0) GiB for KV cache on node 0.",
  "ERROR 11-25 13:16:24 [core.py:1510] EngineCore failed to start.",
  "ERROR 11-25 13:16:24 [core.py:1510] Traceback (most recent call last):",
  "ERROR 11-25 13:16:24 [core.py:1510] ValueError: To serve at least one request with the model's max seq len (8192), (0.18 GiB KV cache is needed, which is larger than the available KV cache memory (0.01 GiB). Based on the available memory, the estimated maximum model length is 256.",
];
const context = { host: { clock: quickClock([]) } as unknown as Host };

it("fails with the cause, which stands below the line by which the engine gives up", async () => {
  const { signal } = new AbortController();
  const follow = async (onLine: (line: string) => void): Promise<void> => {
    TOO_SMALL.forEach(onLine);
    await new Promise(() => {});
  };
  await expect(watchLog(context, { engine: vllm, follow }, signal)).rejects.toMatchObject({
    code: "DOES_NOT_FIT",
    what: "vLLM gave up while it was waited for.",
    next: "stack up --context 256",
    detail: TOO_SMALL,
  });
});

it.each([
  "ERROR 11-25 14:13:55 [multiproc_executor.py:953] WorkerProc failed to start.",
  "ERROR 11-25 13:16:24 [core.py:1510] EngineCore failed to start.",
  "pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig",
  "KeyError: 'invalid tool call parser: nonsense (chose from { apertus })'",
])("hears vLLM give up: %s", (line) => {
  expect(vllm.givesUp.test(line)).toBe(true);
});

it("says that the kernel killed a process, of which vLLM's log has not a word", async () => {
  const { signal } = new AbortController();
  const follow = async (onLine: (line: string) => void): Promise<void> => {
    onLine("ERROR 11-25 13:20:07 [core.py:1510] EngineCore failed to start.");
  };
  const watch = { engine: vllm, follow, outOfMemory: async () => true };
  await expect(watchLog(context, watch, signal)).rejects.toMatchObject({
    code: "ENGINE_STOPPED",
    why: "The kernel killed it: it needed more memory than it may have.",
  });
});

it.each([
  ["says nothing of it", ["ERROR something else"], /EngineCore/],
  ["may say anything", TOO_SMALL, undefined],
])("lasts until the wait is over while the log %s", async (_title, lines, givesUp) => {
  const wait = new AbortController();
  const engine = { title: "x", ...(givesUp === undefined ? {} : { givesUp }) };
  const follow = async (onLine: (line: string) => void): Promise<void> => {
    lines.forEach(onLine);
    throw new Error("the log cannot be read any more");
  };
  const watched = watchLog(context, { engine, follow }, wait.signal);
  setImmediate(() => wait.abort(new Error("over")));
  await expect(watched).rejects.toThrow("over");
});
