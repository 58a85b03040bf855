import { describe, expect, it } from "vitest";
import type { EngineInput } from "./engine.ts";
import { sglang } from "./sglang.ts";
import { vllm } from "./vllm.ts";

interface Base {
  readonly facts?: object;
  readonly files?: readonly string[];
  readonly reference?: string;
  readonly extraArgs?: readonly string[];
}

/** A snapshot of a base model, but for what is said. */
const base = ({
  facts = {},
  files = ["tokenizer.json"],
  reference = "hf:org/base",
  extraArgs = [],
}: Base = {}): EngineInput => ({
  model: {
    format: "safetensors",
    reference,
    files: ["config.json", ...files].map((path) => ({ path })),
    facts: { architecture: "opt", hasChatTemplate: false, templateHasTools: false, ...facts },
  } as EngineInput["model"],
  servedName: "base",
  context: 2048,
  parallel: 1,
  maxOutputTokens: 512,
  storeDir: "/store",
  extraArgs,
  weightsPath: "/models/snapshots/base",
});

describe.each([vllm, sglang])("a snapshot without a chat template, for $title", (engine) => {
  it("is refused before a start, with what helps", () => {
    expect(engine.unservable(base())).toMatchObject({
      code: "MODEL_UNAVAILABLE",
      what: `${engine.title} can't answer with hf:org/base.`,
      why: expect.stringMatching(/no chat template.*instruct/),
    });
    const next = engine.unservable(base())?.next?.split("\n") ?? [];
    expect(next).toEqual([
      "stack up --model <its instruct variant>",
      expect.stringMatching(`^stack up ${engine.name} -- --chat-template \\S`),
    ]);
  });

  it.each<readonly [string, Base]>([
    ["one that has a template", { facts: { hasChatTemplate: true } }],
    ["a template of the user's", { extraArgs: ["--chat-template", "{{ messages }}"] }],
    ["the same, written otherwise", { extraArgs: ["--chat_template={{ messages }}"] }],
    ["another tokenizer", { extraArgs: ["--tokenizer-mode", "mistral"] }],
    ["a kind that it renders itself", { facts: { architecture: "deepseek_v32" } }],
    ["another of them", { facts: { architecture: "kimi_k3" } }],
    ["a tokenizer of Mistral's", { files: ["tekken.json"] }],
    ["a processor, which may have one", { files: ["processor_config.json"] }],
  ])("%s is not", (_title, change) => {
    expect(engine.unservable(base(change))).toBeUndefined();
  });

  it("is, whatever is said of a template that is there", () => {
    const extraArgs = ["--chat-template-content-format", "string"];
    expect(engine.unservable(base({ extraArgs }))).toBeDefined();
  });
});

it("a family that is known gets our template from vLLM, and none from SGLang", () => {
  const known = base({ facts: { architecture: "qwen3", chatFamily: "chatml" } });
  expect(vllm.unservable(known)).toBeUndefined();
  expect(sglang.unservable(known)).toBeDefined();
});

it("each has templates of its own: vLLM by kind, SGLang by kind or by the name of the folder", () => {
  const paligemma = base({ facts: { architecture: "paligemma" } });
  expect(vllm.unservable(paligemma)).toBeUndefined();
  expect(sglang.unservable(paligemma)).toBeDefined();
  const vicuna = base({ facts: { architecture: "llama" }, reference: "hf:lmsys/vicuna-7b-v1.5" });
  expect(vllm.unservable(vicuna)).toBeDefined();
  expect(sglang.unservable(vicuna)).toBeUndefined();
});
