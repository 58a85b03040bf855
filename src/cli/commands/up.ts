import { defineCommand } from "../command.ts";
import { ENGINE_ARGUMENT } from "../engine-argument.ts";
import { describeUp, upHints, type UpReport } from "../describe-up.ts";
import { ALL_SETTINGS } from "../setting-flags.ts";

export const command = defineCommand({
  description:
    "Without arguments: the embedded engine with a small starter model, which needs no Docker, no account and no GPU. What runs already is left alone, and a second `stack up` changes nothing: where neither engine nor model is named, a stack that was brought up before, and not taken down, is meant as it was, with what is given now in front. Each flag below can stand in stack.yaml too, or in a STACK_ variable.",
  args: [ENGINE_ARGUMENT],
  flags: {},
  settings: ALL_SETTINGS,
  passthrough: true,
  streams: true,
  examples: [
    { command: "stack up", what: "The embedded engine with the starter model." },
    {
      command: "stack up ollama --model hf:Qwen/Qwen3-4B-GGUF:Q4_K_M --context 32768",
      what: "Ollama in a sealed container.",
    },
    {
      command: "stack up lmstudio --model qwen/qwen3-4b-2507 --context 32768",
      what: "LM Studio as it runs already, its model loaded with that context.",
    },
    {
      command: "stack up openai --url http://127.0.0.1:8000/v1 --key-file key.txt",
      what: "Any OpenAI-compatible server that is there.",
    },
    { command: "stack up --dry-run", what: "Only say what would be done." },
  ],
  run: async ({ context, settings, dryRun }): Promise<UpReport> => {
    const resolved = await settings(async (here) => {
      const { settingsToGoOn } = await import("../../run/kept-settings.ts");
      return settingsToGoOn(context, here);
    });
    const { up } = await import("../../run/up.ts");
    const { keyFileOf } = await import("../key-file-of.ts");
    const result = await up(context, resolved, { dryRun, anew: false });
    return { ...result, keyFile: keyFileOf(context.host, resolved, result) };
  },
  text: describeUp,
  hints: upHints,
});
