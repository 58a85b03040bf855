import { expect, it } from "vitest";
import { resolveSettings } from "../plan/resolve-settings.ts";
import { testHost } from "../testing/test-host.ts";
import { noteModel } from "./begun-model.ts";

it.each<[string, Readonly<Record<string, unknown>>, readonly object[]]>([
  [
    "an engine of ours",
    { engine: "vllm", model: "hf:org/repo" },
    [{ engine: "vllm", reference: "hf:org/repo" }],
  ],
  ["another's Ollama", { engine: "ollama", adopt: true }, []],
  ["LM Studio", { engine: "lmstudio" }, []],
])(
  "the model of %s is noted, or not: a server that is adopted has its own",
  async (_title, values, expected) => {
    const layer = Object.entries(values).map(([key, value]) => {
      const flag = `--${key}`;
      return { key, value, isText: false, origin: { kind: "flag", flag }, where: flag } as const;
    });
    const notes: object[] = [];
    const lock = {
      takenOver: false,
      note: async (value: object) => void notes.push(value),
      release: async () => {},
    };
    await using test = await testHost();
    await noteModel(test.context, lock, resolveSettings([layer]));
    expect(notes).toEqual(expected);
  },
);
