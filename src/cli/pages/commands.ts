import type { Command, FlagSpec } from "../command.ts";
import { COMMANDS, type CommandEntry, GROUPS } from "../commands/index.ts";
import { flagLines, summaryOf, usageLine } from "../help.ts";
import { GLOBAL_FLAGS } from "../global-flags.ts";
import { settingFlags } from "../setting-flags.ts";

/** `docs/commands.md`, from the commands themselves. */
export async function commandsPage(): Promise<string> {
  const entries: Readonly<Record<string, CommandEntry>> = COMMANDS;
  const commands = await Promise.all(
    Object.entries(entries).map(
      async ([name, { load }]) => [name, (await load()).command] as const,
    ),
  );
  const shared = [...Object.entries(GLOBAL_FLAGS), ...specs(["name", "timeout"])];
  return `# Commands

Written as \`pnpm stack <command>\` in a checkout, or \`npx -y pnpm@12 stack <command>\` where there is no pnpm.
Below, \`stack\` stands for either. \`stack <command> --help\` says the same as this page.

| command | |
| --- | --- |
${commands.map(([name]) => `| [${name}](#${name.replaceAll(" ", "-")}) | ${cell(summaryOf(name))} |`).join("\n")}

\`${Object.keys(GROUPS).join("` and `")}\` are groups: they need the second word.

## Flags of every command

${flagTable(shared)}

stdout holds data only; progress, warnings and hints go to stderr. With \`--json\`, short commands print one
object, and long ones (marked below) one event a line, the last being \`{"type":"result",…}\`. An error is
\`{"type":"error","code":…,"exitCode":…,"what":…}\` on stdout. Codes and exit statuses: [troubleshooting](troubleshooting.md).

${commands.map(([name, command]) => section(name, command)).join("\n")}`;
}

function section(name: string, command: Command): string {
  const flags = [...Object.entries(command.flags), ...specs(command.settings)];
  const parts = [
    `## ${name}`,
    [summaryOf(name), command.description].filter((text) => text !== undefined).join(" "),
    `\`\`\`\nstack ${usageLine(name, command)}\n\`\`\``,
    ...(command.args.length === 0
      ? []
      : [
          `| argument | |\n| --- | --- |\n${command.args.map((each) => `| \`${each.name}\` | ${cell(each.summary)} |`).join("\n")}`,
        ]),
    ...(flags.length === 0 ? [] : [flagTable(flags)]),
    ...(command.streams === true ? ["`--json` prints NDJSON events."] : []),
    `\`\`\`sh\n${command.examples.map((each) => `${each.command}  # ${each.what}`).join("\n")}\n\`\`\``,
  ];
  return `${parts.join("\n\n")}\n`;
}

function specs(keys: Command["settings"]): readonly (readonly [string, FlagSpec])[] {
  return [...settingFlags(keys)].map(([name, { spec }]) => [name, spec] as const);
}

function flagTable(flags: readonly (readonly [string, FlagSpec])[]): string {
  const rows = flagLines(flags).map(
    ([flag, summary]) => `| \`${cell(flag)}\` | ${cell(summary)} |`,
  );
  return `| flag | |\n| --- | --- |\n${rows.join("\n")}`;
}

/** A bar would end the cell. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
