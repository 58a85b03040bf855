import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { vllm } from "../../engines/vllm.ts";
import { LLAMACPP_PROMPT_CACHE_MIB } from "../../engines/llamacpp.ts";
import type { StackError } from "../../errors.ts";
import type { MemoryShape } from "../../models/memory-shape.ts";
import { roomFor, withGpus } from "./budget.ts";
import { ENGINE_MEMORY, engineMemory } from "./engine-memory.ts";
import { estimate } from "./estimate.ts";
import { fitContext, type FitQuestion } from "./fit-context.ts";
import { bytesPerToken, kvBytes, type KvType, tokenBytes } from "./kv-cache.ts";
import { solveContext } from "./solve-context.ts";

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const SMOLLM2: MemoryShape = {
  kv: [{ layers: 30, kvHeads: 3, keyLength: 64, valueLength: 64 }],
  stateBytes: 0,
  embeddingLength: 576,
  widestLength: 1536,
  vocabulary: 49_152,
};
const GEMMA3: MemoryShape = {
  kv: [
    { layers: 15, kvHeads: 1, keyLength: 256, valueLength: 256, window: 512 },
    { layers: 3, kvHeads: 1, keyLength: 256, valueLength: 256 },
  ],
  stateBytes: 0,
  embeddingLength: 640,
  widestLength: 2048,
  vocabulary: 262_144,
};
// https://huggingface.co/Qwen/Qwen3-8B/blob/main/config.json
const QWEN3_8B: MemoryShape = {
  kv: [{ layers: 36, kvHeads: 8, keyLength: 128, valueLength: 128 }],
  stateBytes: 0,
  embeddingLength: 4096,
  widestLength: 12_288,
  vocabulary: 151_936,
};

describe("keys and values", () => {
  it.each([
    // What llama-server 0.7.0 and node-llama-cpp 3.22.1 wrote as `KV buffer size`.
    ["smollm2:135m", SMOLLM2, "llamacpp", 2048, "f16", 45],
    ["smollm2:135m", SMOLLM2, "llamacpp", 8192, "f16", 180],
    ["smollm2:135m", SMOLLM2, "llamacpp", 8192, "q8_0", 95.625],
    ["gemma3:270m", GEMMA3, "llamacpp", 8192, "f16", 24 + 15],
    ["gemma3:270m", GEMMA3, "embedded", 8192, "f16", 24 + 18.75],
    ["gemma3:270m", GEMMA3, "vllm", 8192, "f16", 144 + 4.5],
    // 144 KiB a token.
    ["qwen3:8b", QWEN3_8B, "ollama", 32_768, "f16", 4608],
    ["qwen3:8b", QWEN3_8B, "ollama", 32_768, "q4_0", 1296],
  ] as const)("of %s in %4$s", (_name, shape, engine, context, kvType, mebibytes) => {
    const bytes = kvBytes(shape, ENGINE_MEMORY[engine], { context, parallel: 1, kvType });
    expect(bytes / MIB).toBe(mebibytes);
  });

  it("are kept for each conversation, in steps of 256 tokens", () => {
    const of = (context: number, parallel: number): number =>
      kvBytes(SMOLLM2, ENGINE_MEMORY.llamacpp, { context, parallel, kvType: "f16" });
    expect(of(4096, 3)).toBe(3 * of(4096, 1));
    expect(of(4097, 1)).toBe(of(4352, 1));
  });

  it("grow by what a token costs", () => {
    const question = { context: 1, parallel: 1, kvType: "f16" } as const;
    expect(bytesPerToken(QWEN3_8B, ENGINE_MEMORY.llamacpp, question)).toBe(144 * 1024);
    expect(bytesPerToken(GEMMA3, ENGINE_MEMORY.llamacpp, question)).toBe(3 * 1024);
  });

  it("of one token are reserved with windows as vLLM keeps them, and not where there is more to keep", () => {
    expect(tokenBytes(SMOLLM2, ENGINE_MEMORY.vllm)).toBe(2 * 30 * 3 * 64 * 2);
    expect(tokenBytes(GEMMA3, ENGINE_MEMORY.vllm)).toBe(18 * 1024);
    expect(tokenBytes({ ...SMOLLM2, stateBytes: 1 }, ENGINE_MEMORY.vllm)).toBeUndefined();
  });
});

it("knows how much room vLLM is told to reserve on a processor", () => {
  const told = {
    model: undefined,
    servedName: "m",
    context: 5000,
    parallel: 3,
    maxOutputTokens: 100,
    storeDir: "/",
    extraArgs: [],
    kvBytesPerToken: tokenBytes(GEMMA3, ENGINE_MEMORY.vllm),
  };
  const command: readonly string[] = vllm.container(told).command;
  const reserved = command[command.indexOf("--kv-cache-memory-bytes") + 1];
  const question = { context: 5000, parallel: 3, kvType: "f16" } as const;
  expect(Number(reserved)).toBe(kvBytes(GEMMA3, ENGINE_MEMORY.vllm, question));
});

it("knows how much llama-server's prompt cache may take", () => {
  expect(ENGINE_MEMORY.llamacpp.promptCacheBytes).toBe(LLAMACPP_PROMPT_CACHE_MIB * MIB);
});

it.each([
  ["smollm2:135m", SMOLLM2, 2048, 16.64],
  ["smollm2:135m", SMOLLM2, 8192, 22.64],
  ["gemma3:270m", GEMMA3, 2048, 21.28],
  ["gemma3:270m", GEMMA3, 32_768, 51.28],
])("buffers of %s as llama-server 0.7.0 writes them", (_name, shape, context, mebibytes) => {
  const question = { context, parallel: 1, kvType: "f16" } as const;
  const { compute } = estimate({ weightsBytes: 0, shape }, ENGINE_MEMORY.llamacpp, question);
  expect(Math.abs(compute / MIB - mebibytes)).toBeLessThan(1);
});

it.each([
  ["ollama", "gemma3", 253_113_024 + 178_257_920],
  ["ollama", "llama", 253_113_024],
  ["ollama", undefined, 253_113_024],
  ["llamacpp", "gemma3", 253_113_024],
] as const)(
  "of a table of words that is used twice %s keeps for %s what it is known to",
  (engine, architecture, bytes) => {
    const size = {
      weightsBytes: 253_113_024,
      architecture,
      shape: { ...GEMMA3, tiedBytes: 178_257_920 },
    };
    const question = { context: 2048, parallel: 1, kvType: "f16" } as const;
    const { weights, total, kv, compute, runtime, cache } = estimate(
      size,
      ENGINE_MEMORY[engine],
      question,
    );
    expect(weights).toBe(bytes);
    expect(total).toBe(weights + kv + compute + runtime + cache);
  },
);

it("counts masks that Ollama's own engine writes in float32 first", () => {
  const question = { context: 32_768, parallel: 1, kvType: "f16" } as const;
  const compute = (architecture: string): number =>
    estimate({ weightsBytes: 0, architecture, shape: GEMMA3 }, ENGINE_MEMORY.ollama, question)
      .compute;
  expect(compute("gemma3") - compute("llama")).toBe(512 * 8 * (32_768 + 1024));
});

it("counts vLLM's copies of the table of words on a processor, and none on a GPU", () => {
  const size = { weightsBytes: GIB, shape: GEMMA3 };
  const question = { context: 2048, parallel: 1, kvType: "f16" } as const;
  const weights = (onGpu: boolean): number =>
    estimate(size, engineMemory("vllm", onGpu), question).weights;
  expect(weights(false) - GIB).toBe(640 * MIB);
  expect(weights(true)).toBe(GIB);
});

const shapes = fc.record({
  kv: fc.array(
    fc.record({
      layers: fc.integer({ min: 1, max: 80 }),
      kvHeads: fc.integer({ min: 1, max: 32 }),
      keyLength: fc.constantFrom(64, 128, 256),
      valueLength: fc.constantFrom(0, 64, 128),
      window: fc.option(fc.constantFrom(128, 512, 4096), { nil: undefined }),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  stateBytes: fc.constantFrom(0, 50 * MIB),
  embeddingLength: fc.constantFrom(576, 4096),
  widestLength: fc.constantFrom(1536, 14_336),
  vocabulary: fc.constantFrom(32_000, 262_144),
});
const engines = fc.constantFrom(...Object.keys(ENGINE_MEMORY)).map((name) => engineMemory(name));
const how = fc.record({
  parallel: fc.integer({ min: 1, max: 8 }),
  kvType: fc.constantFrom<KvType>("f16", "q8_0", "q4_0"),
});

test("an estimate never shrinks when the context or the number of conversations grows", () => {
  fc.assert(
    fc.property(
      shapes,
      engines,
      how,
      fc.integer({ min: 1, max: 500_000 }),
      fc.integer({ min: 0, max: 500_000 }),
      (shape, engine, question, context, more) => {
        const total = (extra: number, parallel: number): number =>
          estimate({ weightsBytes: GIB, shape }, engine, {
            ...question,
            parallel,
            context: context + extra,
          }).total;
        const base = total(0, question.parallel);
        expect(total(more, question.parallel)).toBeGreaterThanOrEqual(base);
        expect(total(0, question.parallel + 1)).toBeGreaterThanOrEqual(base);
      },
    ),
  );
});

test("a solved context fits with the margin and stays within its limit, and one step more would not", () => {
  fc.assert(
    fc.property(
      shapes,
      engines,
      how,
      fc.integer({ min: 256, max: 1_000_000 }),
      fc.integer({ min: 100 * MIB, max: 200 * GIB }),
      fc.option(fc.integer({ min: 100 * MIB, max: 100 * GIB }), { nil: undefined }),
      (shape, engine, question, limit, hostFreeBytes, deviceFreeBytes) => {
        const budget = {
          hostFreeBytes,
          ...(deviceFreeBytes === undefined ? {} : { deviceFreeBytes }),
        };
        const model = { weightsBytes: GIB, shape };
        const room = (context: number) =>
          roomFor(estimate(model, engine, { ...question, context }), budget, engine);
        const solved = solveContext(model, engine, budget, { ...question, limit });
        if (solved === undefined) {
          expect(room(Math.min(2048, limit))).not.toBe("ample");
          return;
        }
        expect(solved.tokens).toBeLessThanOrEqual(limit);
        expect(room(solved.tokens)).toBe("ample");
        if (solved.limitedBy === "limit") expect(solved.tokens).toBe(limit);
        else expect(room(solved.tokens + 4096)).not.toBe("ample");
      },
    ),
  );
});

const SETTINGS: FitQuestion["settings"] = {
  context: 32_768,
  stretch: false,
  maxOutputTokens: 4096,
  parallel: 1,
  kvType: "f16",
  overcommit: false,
};
const QWEN: FitQuestion = {
  settings: SETTINGS,
  engine: "llamacpp",
  model: "qwen3:8b",
  facts: { trainedContext: 40_960, memory: QWEN3_8B },
  // Q4_K_M.
  weightsBytes: 5.03e9,
  budget: { hostFreeBytes: 16 * GIB },
};

describe("the fit", () => {
  it.each([
    ["what was asked for", SETTINGS, 16, 32_768, "settings", "ample", 0],
    [
      "auto, up to what was trained",
      { ...SETTINGS, context: "auto" },
      64,
      40_960,
      "training",
      "ample",
      0,
    ],
    [
      "auto, by memory, told loudly below 32,768",
      { ...SETTINGS, context: "auto" },
      9,
      19_456,
      "memory",
      "ample",
      1,
    ],
    ["asked for and tight", SETTINGS, 10.8, 32_768, "settings", "tight", 1],
    ["too much, all the same", { ...SETTINGS, overcommit: true }, 8, 32_768, "settings", "none", 1],
  ] as const)("%s", (_title, settings, gibibytes, tokens, limitedBy, room, warnings) => {
    const budget = { hostFreeBytes: gibibytes * GIB };
    const fit = fitContext({ ...QWEN, settings, budget });
    expect(fit.window).toMatchObject({ tokens, limitedBy });
    expect(fit.room).toBe(room);
    expect(fit.window.warnings).toHaveLength(warnings);
  });

  it("refuses what cannot fit, with the sum and what would", () => {
    const error = failure({ ...QWEN, budget: { hostFreeBytes: 9 * GIB } });
    expect(error.code).toBe("DOES_NOT_FIT");
    expect(error.exitCode).toBe(8);
    expect(error.what).toMatch(
      /^qwen3:8b needs about 1[01]\.\d GB .* 32768 tokens, and 9\.7 GB are free\.$/,
    );
    expect(error.why).toMatch(/^weights 5\.0 GB, keys and values 4\.8 GB, /);
    expect(error.next).toMatch(
      /^stack up --context 19456\nstack up --context \d+ --kv-type q8_0\n.*\nstack models recommend$/,
    );
  });

  it("calls free what is free, and allowed what a limit leaves", () => {
    const settings = { ...SETTINGS, memory: "4g" };
    const budget = { hostFreeBytes: 4 * GIB };
    const what = (more: object): string => failure({ ...QWEN, budget, settings, ...more }).what;
    expect(what({})).toMatch(/, and 4\.3 GB are allowed by `memory`\.$/);
    expect(what({ settings: { ...settings, memory: "8g" } })).toMatch(/, and 4\.3 GB are free\.$/);
    expect(what({ budget: { hostFreeBytes: 2 ** 20, deviceFreeBytes: 2 * GIB } })).toMatch(
      /, and 2\.1 GB of the GPU and 1\.0 MB of the machine are free\.$/,
    );
  });

  it("names only smaller models when the weights alone are too much, and for auto too", () => {
    const budget = { hostFreeBytes: 4 * GIB };
    const smaller = "stack models recommend";
    expect(failure({ ...QWEN, budget }).next).toBe(smaller);
    const auto = { ...SETTINGS, context: "auto" } as const;
    expect(failure({ ...QWEN, budget, settings: auto }).next).toBe(smaller);
    const unknown = { trainedContext: 40_960 };
    expect(failure({ ...QWEN, budget, facts: unknown }).next).toBe(smaller);
  });

  it("keeps an auto context while the stack runs", () => {
    const settings = { ...SETTINGS, context: "auto" } as const;
    const fit = fitContext({ ...QWEN, settings, budget: { hostFreeBytes: GIB }, kept: 20_480 });
    expect(fit.window.tokens).toBe(20_480);
  });

  it("takes 32,768 for auto when the model says nothing about its memory", () => {
    const settings = { ...SETTINGS, context: "auto" } as const;
    const fit = fitContext({ ...QWEN, settings, facts: {} });
    expect(fit.window.tokens).toBe(32_768);
    expect(fit.window.warnings).toHaveLength(1);
  });

  it.each([
    ["what fits", {}],
    ["what is kept", { kept: 32_768 }],
  ])("says of auto no training where its length is not known: %s", (_title, more) => {
    const settings = { ...SETTINGS, context: "auto" } as const;
    const question = { ...QWEN, settings, facts: { memory: QWEN3_8B }, ...more };
    expect(fitContext(question).window).toMatchObject({ tokens: 32_768, limitedBy: "settings" });
  });

  it.each([
    ["by memory", { ...QWEN, budget: { hostFreeBytes: 9 * GIB } }, "memory"],
    ["by training", { ...QWEN, facts: { ...QWEN.facts, trainedContext: 20_000 } }, "training"],
    [
      "by training, of a model that says no more",
      { ...QWEN, facts: { trainedContext: 20_000 } },
      "training",
    ],
    ["by what runs", { ...QWEN, kept: 20_480 }, "memory"],
  ] as const)(
    "warns of an auto context that agents have no room in: %s",
    (_title, question, by) => {
      const settings = { ...SETTINGS, context: "auto" } as const;
      const { window } = fitContext({ ...question, settings });
      expect(window.limitedBy).toBe(by);
      expect(window.warnings.join(" ")).toMatch(/agents that send tools want 32768 or more/);
    },
  );

  it.each([
    ["all of it on the GPU", 2, 24, "ample"],
    ["a part of it on the processor", 16, 6, "split"],
    ["more than both", 2, 6, "refused"],
  ])("with a GPU: %s", (_title, host, device, expected) => {
    const budget = { hostFreeBytes: host * GIB, deviceFreeBytes: device * GIB };
    const question = { ...QWEN, budget };
    if (expected === "refused") expect(failure(question).what).toMatch(/of the GPU and/);
    else expect(fitContext(question).room).toBe(expected);
  });

  const ample = withGpus(64 * GIB, [{ freeBytes: 64 * GIB }]);
  const onCards = (
    cards: Parameters<typeof withGpus>[1],
    weightsBytes = 11 * GIB,
    more: Partial<FitQuestion> = {},
  ) =>
    fitContext({
      ...QWEN,
      engine: "vllm",
      weightsBytes,
      facts: { ...QWEN.facts, memory: { ...QWEN3_8B, queryHeads: 32 } },
      budget: withGpus(64 * GIB, cards),
      ...more,
    });

  it.each<[string, readonly number[], string, number]>([
    ["a card for all of it", [24], "ample", 24],
    ["two cards, each with an equal part", [12, 12], "ample", 24],
    ["two of which one is nearly full", [24, 3], "refused", 6],
    ["three, of which its heads can use two", [12, 12, 12], "ample", 24],
    ["one that is too small, and much memory beside it", [8], "refused", 8],
  ])("with GPUs that share evenly: %s", (_title, cards, expected, counted) => {
    const fit = onCards(cards.map((each) => ({ freeBytes: each * GIB })));
    expect(fit.misfit === undefined ? fit.room : "refused").toBe(expected);
    expect(fit.budget).toEqual({ hostFreeBytes: 64 * GIB, deviceFreeBytes: counted * GIB });
  });

  // What vLLM is told to take: hundredths of the whole card, less 1 GiB for others, at most 92.
  it.each<[string, readonly (readonly [free: number, of: number])[], number]>([
    ["a part of a card that a desktop uses", [[9.7, 12]], 0.72 * 12],
    ["at most its own share of an empty one", [[80, 80]], 0.92 * 80],
    [
      "the same of each as of the fullest",
      [
        [23, 24],
        [12, 24],
      ],
      2 * 0.45 * 24,
    ],
    ["nothing of one with nothing to spare", [[0.9, 12]], 0],
  ])("counts no more of a card than the engine is given: %s", (_title, cards, counted) => {
    const { budget } = onCards(
      cards.map(([free, of]) => ({ freeBytes: free * GIB, totalBytes: of * GIB })),
    );
    expect(budget.deviceFreeBytes! / GIB).toBeCloseTo(counted);
  });

  it("refuses a context that what the engine is given does not hold, though it is free", () => {
    const needed = 12 * GIB;
    const rest = fitContext({ ...QWEN, engine: "vllm", budget: ample }).estimate!;
    const weightsBytes = needed - rest.kv - rest.compute;
    const misfit = (freeBytes: number) =>
      onCards([{ freeBytes, totalBytes: 24 * GIB }], weightsBytes).misfit?.what;
    expect(misfit(13.2 * GIB)).toBeUndefined();
    expect(misfit(12.5 * GIB)).toMatch(/, and 12\.\d GB of the GPU can be given to it and /);
  });

  describe("of a card on which a little more is free than vLLM would be given", () => {
    const CARD = [{ freeBytes: 23.9 * GIB, totalBytes: 24 * GIB }];
    const rest = fitContext({ ...QWEN, engine: "vllm", budget: ample }).estimate!;
    const needed = (gibibytes: number, more: Partial<FitQuestion> = {}) =>
      onCards(CARD, gibibytes * GIB - rest.kv - rest.compute, more);
    const withArgs = (...engineArgs: readonly string[]) => ({
      settings: { ...SETTINGS, engineArgs: [...engineArgs] },
    });

    it.each<[string, readonly string[], number]>([
      ["none is named", [], 0.92 * 24],
      ["another is", ["--gpu-memory-utilization", "0.97"], 0.97 * 24],
      ["a smaller one is", ["--gpu-memory-utilization=0.5"], 0.5 * 24],
      ["it is written as vLLM takes it too", ["--gpu_memory_utilization", "0.97"], 0.97 * 24],
      [
        "two are, and the last one wins",
        ["--gpu-memory-utilization=0.5", "--gpu-memory-utilization", "0.6"],
        0.6 * 24,
      ],
      [
        "more than is free is, and what can be named counts",
        ["--gpu-memory-utilization", "1"],
        0.95 * 24,
      ],
      ["what is named is no share", ["--gpu-memory-utilization", "--dtype", "half"], 0.92 * 24],
      ["SGLang's is", ["--mem-fraction-static", "0.5"], 0.92 * 24],
    ])("counts the share that is named: %s", (_title, args, counted) => {
      const { budget } = needed(10, withArgs(...args));
      expect(budget.deviceFreeBytes! / GIB).toBeCloseTo(counted);
    });

    it("starts what the share that is named holds", () => {
      expect(needed(22.38).misfit).toMatchObject({ code: "DOES_NOT_FIT" });
      expect(needed(22.38, withArgs("--gpu-memory-utilization", "0.97")).misfit).toBeUndefined();
    });

    it("names the least share that would do, where one would", () => {
      const next = (gibibytes: number, more: Partial<FitQuestion> = {}) =>
        needed(gibibytes, more).misfit?.next?.split("\n");
      expect(next(22.38)).toContain("stack up -- --gpu-memory-utilization 0.94");
      expect(next(22.78)).toContain("stack up -- --gpu-memory-utilization 0.95");
      // 0.96 is free now, and not when CUDA has been started.
      expect(next(22.82)?.join()).not.toContain("utilization");
      expect(next(30)?.join()).not.toContain("utilization");
      const halved = withArgs("--gpu-memory-utilization", "0.5");
      expect(next(20, halved)).toContain("stack up -- --gpu-memory-utilization 0.84");
    });

    it.each<[string, string, number, string]>([
      ["refused where it is more than is free", "1", 10, "misfit"],
      ["warned of where nothing of that is left for CUDA itself", "0.99", 10, "warning"],
      ["taken where there is", "0.95", 10, "taken"],
    ])("a share that is named is %s", (_title, share, gibibytes, expected) => {
      const { misfit, window } = needed(gibibytes, withArgs("--gpu-memory-utilization", share));
      const warnings = window.warnings.filter((each) => each.includes("utilization"));
      expect(misfit ? "misfit" : warnings.length > 0 ? "warning" : "taken").toBe(expected);
      for (const warning of warnings) expect(warning).toMatch(/name at most 0\.95\.$/);
      if (misfit !== undefined) {
        expect(misfit).toMatchObject({
          code: "DOES_NOT_FIT",
          next: "stack up -- --gpu-memory-utilization 0.95",
        });
        expect(misfit.what).toBe(
          "--gpu-memory-utilization 1 is 25.8 GB of a card on which 25.7 GB are free.",
        );
      }
    });

    it("what would fit in place of it is named with the most that can be", () => {
      const all = withArgs("--gpu-memory-utilization=1");
      const ways = needed(23.5, all).misfit?.next?.split("\n");
      expect(ways).toEqual([
        expect.stringMatching(/^stack up --context \d+ -- --gpu-memory-utilization 0\.95$/),
        "stack models recommend",
      ]);
    });

    it("is a warning where everything is to be started all the same", () => {
      const { settings } = withArgs("--gpu-memory-utilization", "1");
      const fit = needed(10, { settings: { ...settings, overcommit: true } });
      expect(fit.misfit).toBeUndefined();
      expect(fit.window.warnings.join()).toMatch(/on which 25\.7 GB are free\. It is started/);
    });

    // It is told none: `--mem-fraction-static` divides what is free, and is no limit of it.
    it.each([[[]], [["--mem-fraction-static", "0.5"]]])("gives SGLang all: %j", (args) => {
      const fit = needed(22.38, { engine: "sglang", ...withArgs(...args) });
      expect(fit.misfit).toBeUndefined();
      expect(fit.budget.deviceFreeBytes! / GIB).toBeCloseTo(23.9);
      const next = needed(24, { engine: "sglang" }).misfit?.next;
      expect(next).not.toContain("-- --");
    });
  });
});

function failure(question: FitQuestion): StackError {
  const { misfit } = fitContext(question);
  if (misfit === undefined) throw new Error("it fits");
  return misfit;
}
