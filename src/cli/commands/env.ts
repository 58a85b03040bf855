import { renderEnvironment, SHELLS, type Shell } from "../../agents/shell.ts";
import { defineCommand } from "../command.ts";

interface Report {
  readonly agent: string;
  readonly env: Readonly<Record<string, string>>;
  readonly shell: Shell;
  /** How to start the agent. */
  readonly run: string;
  readonly notes: readonly string[];
  readonly warnings: readonly string[];
}

export const command = defineCommand({
  description:
    "Prints what an agent needs to use the stack and to stay quiet, the key among it: treat the output as a secret.",
  args: [],
  wordMeans: "agent",
  flags: {
    agent: {
      kind: "text",
      short: "a",
      placeholder: "name",
      complete: "agents",
      summary: "For which agent; see `stack agents`. Default: openai, which most clients read.",
    },
    shell: {
      kind: "text",
      placeholder: SHELLS.join("|"),
      choices: SHELLS,
      summary: "Whose syntax. Default: sh (bash, zsh and all of POSIX).",
    },
  },
  settings: [],
  examples: [
    { command: 'eval "$(stack env)"', what: "OPENAI_BASE_URL and its kin, in this shell." },
    { command: 'eval "$(stack env --agent ml-intern)"', what: "All that ml-intern needs." },
    { command: "stack env --shell fish | source", what: "In fish." },
  ],
  run: async ({ context: { host }, flags, settings }): Promise<Report> => {
    const { requireEndpoint } = await import("../../run/stack-folder.ts");
    const { emitAgent } = await import("../../run/agent-config.ts");
    const { agentEnvironment } = await import("../../run/agent-env.ts");
    const endpoint = await requireEndpoint(host, (await settings()).values.name);
    const emitted = emitAgent(host, flags.agent ?? "openai", endpoint);
    return {
      agent: emitted.agent.name,
      env: await agentEnvironment(host, emitted),
      shell: SHELLS.find((shell) => shell === flags.shell) ?? "sh",
      run: emitted.config.run,
      notes: emitted.config.notes,
      warnings: emitted.warnings,
    };
  },
  json: ({ agent, env, run, notes, warnings }) => ({ agent, env, run, notes, warnings }),
  text: ({ env, shell }) => renderEnvironment(env, shell).trimEnd(),
  // The notes are for `config`: an `eval` in a shell's start-up file should be silent when all is well.
  hints: ({ warnings }, { style }) =>
    warnings.map((warning) => `${style.warn("warning:")} ${warning}`),
});
