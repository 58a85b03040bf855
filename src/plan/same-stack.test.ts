import { describe, expect, it } from "vitest";
import { resolveSettings, type SettingEntry } from "./resolve-settings.ts";
import { namingStack, sameStack } from "./same-stack.ts";
import type { Settings } from "./settings.ts";

const flags = (values: Partial<Settings>): readonly SettingEntry[] =>
  Object.entries(values).map(([key, value]) => {
    const origin = { kind: "flag", flag: `--${key}` } as const;
    return { key, value, isText: false, origin, where: key };
  });
const inFile = (values: Partial<Settings>): readonly SettingEntry[] =>
  Object.entries(values).map(([key, value]) => {
    const origin = { kind: "project", file: "/p/stack.yaml" } as const;
    return { key, value, isText: false, origin, where: key };
  });

const WORK = { engine: "llamacpp", name: "work", model: "hf:o/r:Q4_K_M" } as const;

describe("a command that comes next", () => {
  it.each<[Partial<Settings>, string, string]>([
    [{}, "stack up --gpu none", "stack up --gpu none"],
    [{}, "stack up", "stack up"],
    [
      WORK,
      "stack up --context 4096",
      "stack up llamacpp --name work --model hf:o/r:Q4_K_M --context 4096",
    ],
    [
      WORK,
      "Run `stack up` again.",
      "Run `stack up llamacpp --name work --model hf:o/r:Q4_K_M` again.",
    ],
    // What it says goes before what was given.
    [
      { engine: "ollama", context: 8192, stretch: true, memory: "8g" },
      "stack up --context <less>",
      "stack up ollama --stretch --memory 8g --context <less>",
    ],
    [{ engine: "ollama", stretch: true }, "stack up --no-stretch", "stack up ollama --no-stretch"],
    [{ port: 1234 }, "stack up --port <a free one>", "stack up --port <a free one>"],
    [
      { ...WORK, name: "default" },
      "stack up --model <another>",
      "stack up llamacpp --model <another>",
    ],
    [
      { engine: "vllm", model: "file:/a b/c", engineArgs: ["--x", "it's"] },
      "stack up --memory <more>",
      String.raw`stack up vllm --model 'file:/a b/c' --memory <more> -- --x 'it'\''s'`,
    ],
    [
      { engine: "vllm", engineArgs: ["--dtype", "auto"] },
      "stack up vllm -- --dtype half",
      "stack up vllm -- --dtype half",
    ],
    // What it says to the engine comes after what was given to it, and in place of the same argument.
    [
      { engine: "vllm", context: 512, engineArgs: ["--max", "3"] },
      'stack up vllm -- --chat-template "$(cat FILE)"',
      'stack up vllm --context 512 -- --max 3 --chat-template "$(cat FILE)"',
    ],
    [
      {
        engine: "vllm",
        engineArgs: ["--a=1", "--dtype=auto", "--lora", "x", "y", "--seed", "-1", "-n", "2"],
      },
      "stack up vllm -- --dtype half --lora z --seed 1",
      "stack up vllm -- --a=1 -n 2 --dtype half --lora z --seed 1",
    ],
    [
      { engine: "vllm", engineArgs: ["--chat_template", "x", "--max", "it's"] },
      "stack up -- --chat-template FILE",
      String.raw`stack up vllm -- --max 'it'\''s' --chat-template FILE`,
    ],
    [
      { engine: "vllm", engineArgs: ["--nonsense", "--max", "3"] },
      "stack up -- <corrected arguments>",
      "stack up vllm -- <corrected arguments>",
    ],
    [
      { insecureRegistries: ["a:1", "b:2"] },
      "stack up --gpu none",
      "stack up --insecure-registries a:1,b:2 --gpu none",
    ],
    // Another engine, help, and commands that are about no stack.
    [WORK, "stack up ollama --gpu all", "stack up ollama --name work --gpu all"],
    [WORK, "stack up llamacpp --help", "stack up llamacpp --help"],
    [WORK, "stack up --name other", "stack up --name other"],
    [WORK, "stack models recommend", "stack models recommend"],
    [WORK, "stack restart", "stack restart --name work"],
    [
      WORK,
      "stack up --context 1\nstack logs",
      "stack up llamacpp --name work --model hf:o/r:Q4_K_M --context 1\nstack logs --name work",
    ],
  ])("%j: %s", (given, text, expected) => {
    expect(sameStack(text, resolveSettings([flags(given)]))).toBe(expected);
  });

  it("leaves to the project's file what stands there, but for engine and model", () => {
    const file = inFile({ engine: "ollama", model: "qwen3:8b", memory: "8g", name: "work" });
    const settings = resolveSettings([flags({ context: 2048 }), file]);
    expect(sameStack("stack up --gpu none", settings)).toBe(
      "stack up ollama --name work --model qwen3:8b --context 2048 --gpu none",
    );
  });

  it("is given the stack's name where no more is known of it", () => {
    expect(namingStack("It is lost. Next: stack restart", "default")).not.toContain("--name");
    expect(namingStack("Next: stack restart", "work")).toBe("Next: stack restart --name work");
    expect(namingStack("stack up lmstudio --key-file FILE takes another.", "work")).toBe(
      "stack up lmstudio --name work --key-file FILE takes another.",
    );
  });
});
