import { expect, it } from "vitest";
import { StackError } from "../errors.ts";
import type { Host } from "../host/host.ts";
import { quickClock } from "../testing/quick-clock.ts";
import { executeSteps } from "./deployment.ts";
import type { StackEvent } from "../events.ts";
import type { Step } from "../plan/plan.ts";

const STEPS = [{ kind: "gate", engine: "vllm" }] as const;

async function events(signal: AbortSignal, action: () => Promise<void>): Promise<string[]> {
  const told: StackEvent[] = [];
  const context = {
    host: { clock: quickClock([]) } as unknown as Host,
    emit: (event: StackEvent) => told.push(event),
    signal,
  };
  await executeSteps(context, STEPS, { gate: action }, { begin: async () => {} }).catch(() => {});
  return told.map(
    (event) => `${event.type}${event.type === "step-failed" ? `: ${event.why}` : ""}`,
  );
}

it.each([
  [
    "its cause",
    new StackError("DOES_NOT_FIT", { what: "It stopped.", why: "No memory.", next: "x" }),
    "No memory.",
  ],
  ["what happened", new StackError("NOT_READY", { what: "It is late.", next: "x" }), "It is late."],
  ["a defect", new Error("oh"), "Error: oh"],
])("a step that fails is told at once, by %s", async (_title, error, why) => {
  const { signal } = new AbortController();
  const fail = (): Promise<void> => Promise.reject(error);
  expect(await events(signal, fail)).toEqual(["step-started", `step-failed: ${why}`]);
});

it("Ctrl-C is no failure of the step", async () => {
  const control = new AbortController();
  const interrupted = async (): Promise<void> => {
    control.abort(new Error("interrupted"));
    throw control.signal.reason;
  };
  expect(await events(control.signal, interrupted)).toEqual(["step-started"]);
});

it.each([
  ["nothing is changed", ["image", "model"], ["image", "model"]],
  [
    "something is changed",
    ["image", "model", "clear", "gate"],
    ["image", "model", "begin", "clear", "gate"],
  ],
])(
  "what is meant is written down once %s, and not for a fetch",
  async (_title, kinds, expected) => {
    const done: string[] = [];
    const note = async ({ kind }: { readonly kind: string }): Promise<void> => {
      done.push(kind);
    };
    const context = {
      host: { clock: quickClock([]) } as unknown as Host,
      emit: () => {},
      signal: new AbortController().signal,
    };
    const steps = kinds.map((kind) => ({ kind })) as unknown as readonly Step[];
    const actions = { image: note, model: note, clear: note, gate: note };
    await executeSteps(context, steps, actions, { begin: async () => note({ kind: "begin" }) });
    expect(done).toEqual(expected);
  },
);
