import { unreachable } from "../errors.ts";

export const SHELLS = ["sh", "fish", "powershell"] as const;
/** `sh` is POSIX: bash, zsh, dash and ksh too. */
export type Shell = (typeof SHELLS)[number];

/** Lines that set the variables when the shell evaluates them; no value is expanded or split. */
export function renderEnvironment(env: Readonly<Record<string, string>>, shell: Shell): string {
  return Object.entries(env)
    .map(([name, value]) => `${assignment(name, value, shell)}\n`)
    .join("");
}

function assignment(name: string, value: string, shell: Shell): string {
  switch (shell) {
    case "sh":
      return `export ${name}='${value.replaceAll("'", String.raw`'\''`)}'`;
    case "fish":
      // Inside single quotes fish knows two escapes, and needs both.
      return `set -gx ${name} '${value.replaceAll("\\", "\\\\").replaceAll("'", String.raw`\'`)}'`;
    case "powershell":
      // It takes the typographic quotes for quotes too (about_Quoting_Rules).
      return `$env:${name} = '${value.replaceAll(/['‘’‚‛]/g, "$&$&")}'`;
    default:
      return unreachable(shell);
  }
}
