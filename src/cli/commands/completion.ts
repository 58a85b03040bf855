import { defineCommand } from "../command.ts";

const SHELLS = ["bash", "zsh", "fish", "powershell"] as const;

export const command = defineCommand({
  description:
    "The script completes the word `stack`. Where that is a script of pnpm, define it first, as the example shows.",
  args: [
    {
      name: "shell",
      summary: `One of ${SHELLS.join(", ")}.`,
      required: true,
      complete: "shells",
      choices: SHELLS,
    },
  ],
  flags: {},
  settings: [],
  examples: [
    { command: "source <(stack completion bash)", what: "For this session of bash." },
    {
      command: "stack completion fish > ~/.config/fish/completions/stack.fish",
      what: "For good, in fish.",
    },
  ],
  run: async ({ args }) => {
    const { completionScript } = await import("../complete.ts");
    const shell = args[0] ?? "bash";
    return { shell, script: completionScript(shell) };
  },
  text: ({ script }) => script,
});
