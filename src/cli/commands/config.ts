import type { ShownConfig } from "../../run/agent-config.ts";
import type { WrittenFile } from "../../run/agent-files.ts";
import type { UndoneFile } from "../../run/agent-undo.ts";
import { unreachable } from "../../errors.ts";
import { defineCommand, type Look } from "../command.ts";
import { usage } from "../usage.ts";

type Report =
  | ({ readonly action: "shown" } & ShownConfig)
  | {
      readonly action: "written";
      readonly agent: string;
      readonly dryRun: boolean;
      readonly files: readonly WrittenFile[];
      readonly run: string;
      readonly notes: readonly string[];
      readonly warnings: readonly string[];
    }
  | { readonly action: "undone"; readonly agent: string; readonly files: readonly UndoneFile[] };

export const command = defineCommand({
  description:
    "Prints the files as they would be, key included. --write edits them in place: comments, order and what else is set stay, and the original is kept for --undo.",
  args: [
    {
      name: "agent",
      summary: "Which agent; see `stack agents`.",
      required: true,
      complete: "agents",
    },
  ],
  flags: {
    write: { kind: "boolean", short: "w", summary: "Edit the agent's own files." },
    undo: { kind: "boolean", summary: "Put back what was there before --write." },
  },
  settings: [],
  examples: [
    { command: "stack config ml-intern", what: "Only look." },
    { command: "stack config ml-intern --write", what: "Write it." },
    { command: "stack config ml-intern --write --dry-run", what: "Which lines would change." },
    { command: "stack config ml-intern --undo", what: "As it was." },
  ],
  run: async ({ args, flags, context: { host }, settings, dryRun }): Promise<Report> => {
    const name = args[0] ?? "";
    const { findAgent } = await import("../../agents/index.ts");
    const agent = findAgent(name).name;
    if (flags.undo === true) {
      if (flags.write === true) {
        throw usage("`--write` and `--undo` exclude each other.", "stack config --help");
      }
      if (dryRun) throw usage("`--undo` has no dry run.", `stack config ${agent} --undo`);
      const { undoAgentConfig } = await import("../../run/agent-undo.ts");
      return { action: "undone", agent, files: await undoAgentConfig(host, agent) };
    }
    const { requireEndpoint } = await import("../../run/stack-folder.ts");
    const { emitAgent, showAgentConfig } = await import("../../run/agent-config.ts");
    const endpoint = await requireEndpoint(host, (await settings()).values.name);
    if (flags.write !== true) {
      return { action: "shown", ...(await showAgentConfig(host, agent, endpoint)) };
    }
    const { writeAgentConfig } = await import("../../run/agent-files.ts");
    const emitted = emitAgent(host, agent, endpoint);
    const { run, notes } = emitted.config;
    const files = await writeAgentConfig(host, emitted, { dryRun });
    return { action: "written", agent, dryRun, files, run, notes, warnings: emitted.warnings };
  },
  text: (report) => {
    switch (report.action) {
      case "shown":
        return report.files
          .map(({ path, text }) => fileText(path, text, report.files.length))
          .join("\n");
      case "written":
        return report.files
          .map(({ path, change, lines }) =>
            [
              `${written(change, report.dryRun)} ${path}`,
              ...(report.dryRun ? lines.map(({ sign, text }) => `${sign} ${text}`) : []),
            ].join("\n"),
          )
          .join("\n");
      case "undone":
        return report.files
          .map(({ path, change, keptCopy }) => {
            const kept = keptCopy === undefined ? "" : ` (your later version is ${keptCopy})`;
            return `${change === "none" ? "unchanged" : change} ${path}${kept}`;
          })
          .join("\n");
      default:
        return unreachable(report);
    }
  },
  hints: (report, look) => {
    if (report.action === "undone") {
      return report.files.length === 0 ? [`Nothing was ever written for ${report.agent}.`] : [];
    }
    const none =
      report.files.length === 0
        ? [`${report.agent} needs no file of yours: ${look.stack} env --agent ${report.agent}`]
        : [];
    return [...none, ...agentHints(report, look)];
  },
});

/** One file is printed as it is, to be redirected; several need their names. */
function fileText(path: string, text: string, files: number): string {
  const body = text.replace(/\n$/, "");
  return files === 1 ? body : `# ${path}\n${body}`;
}

function written(change: WrittenFile["change"], dryRun: boolean): string {
  if (change === "none") return "unchanged";
  if (!dryRun) return change;
  return change === "created" ? "would create" : "would edit";
}

/** What to know beside a configuration. */
function agentHints(
  report: {
    readonly run: string;
    readonly notes: readonly string[];
    readonly warnings: readonly string[];
  },
  { style }: Look,
): readonly string[] {
  return [
    ...report.warnings.map((warning) => `${style.warn("warning:")} ${warning}`),
    ...report.notes.map((note) => `note: ${note}`),
    ...(report.run === "" ? [] : [`Start it: ${report.run}`]),
  ];
}
