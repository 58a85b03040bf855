#!/usr/bin/env node
// `pnpm check`: types, type-aware lint, format, dead code. All run, all report; one exit status.
import { $, chalk } from "zx";

$.verbose = false;
const checks = [
  ["types", "tsc"],
  ["lint", "oxlint", "--deny-warnings"],
  ["format", "oxfmt", "--check"],
  ["dead code", "knip"],
] as const;

let failed = false;
for (const [title, ...command] of checks) {
  const result = await $({ nothrow: true, preferLocal: true })`${command}`;
  const ok = result.exitCode === 0;
  console.log(`${ok ? chalk.green("ok  ") : chalk.red("FAIL")} ${title}`);
  if (!ok) {
    failed = true;
    console.log(`${result.stdout}${result.stderr}`);
  }
}
process.exitCode = failed ? 1 : 0;
