import { ERROR_CODES, type ErrorCodeEntry } from "../../errors.ts";

/** `docs/troubleshooting.md`, from the table of codes. */
export function troubleshootingPage(): string {
  const codes: Readonly<Record<string, ErrorCodeEntry>> = ERROR_CODES;
  const byExit = Object.entries(codes).sort(([, a], [, b]) => a.exit - b.exit);
  return `# Troubleshooting

Every error says what happened, why as far as it is known, and the one command that comes next. In brackets
stands a code, which is a heading here; under \`--json\` it is \`code\`. The process ends with the code's exit
status. Nothing is printed twice, and a stack trace only with \`-v\`.

First of all, let \`stack doctor\` look: it checks the machine and prints one fix for each problem.

| exit status | codes |
| --- | --- |
| 0 | none: it worked |
${exitRows(codes)}

${byExit.map(([code, entry]) => section(code, entry)).join("\n")}`;
}

function exitRows(codes: Readonly<Record<string, ErrorCodeEntry>>): string {
  const exits = [...new Set(Object.values(codes).map(({ exit }) => exit))].sort((a, b) => a - b);
  return exits
    .map((exit) => {
      const names = Object.keys(codes).filter((code) => codes[code]?.exit === exit);
      const links = names.map((code) => `[${code}](#${code.toLowerCase()})`).join(", ");
      return `| ${exit} | ${links} |`;
    })
    .join("\n");
}

function section(code: string, { exit, meaning, remedy }: ErrorCodeEntry): string {
  return `## ${code}

Exit status ${exit}. ${meaning}

${remedy}
`;
}
