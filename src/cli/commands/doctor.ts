import type { DoctorReport } from "../../run/doctor.ts";
import { unreachable } from "../../errors.ts";
import { defineCommand, type Look } from "../command.ts";
import { localise } from "../invocation.ts";
import { printable } from "../output/table.ts";
import { ALL_SETTINGS } from "../setting-flags.ts";

type Finding = DoctorReport["findings"][number];

export const command = defineCommand({
  description:
    "Exit status 0 when nothing would stop `stack up`, else that of the first problem. A container daemon is needed only when the settings name an engine that runs in one.",
  args: [],
  flags: {},
  settings: ALL_SETTINGS.filter((key) => key !== "timeout"),
  examples: [
    { command: "stack doctor", what: "This machine, with the settings as they are." },
    { command: "stack doctor --engine ollama --gpu all", what: "What another choice would need." },
  ],
  run: async ({ context, settings }): Promise<DoctorReport> => {
    const { doctor } = await import("../../run/doctor.ts");
    return doctor(context, settings);
  },
  json: ({ ok, findings }, { stack }) => ({
    ok,
    findings: findings.map(({ fix, ...finding }) =>
      fix === undefined ? finding : { ...finding, fix: localise(fix, stack) },
    ),
  }),
  text: ({ findings }, look) => findings.map((finding) => findingText(finding, look)).join("\n"),
  exitCode: ({ exitCode }) => exitCode,
});

function findingText(finding: Finding, look: Look): string {
  const { title, summary, detail = [], fix } = finding;
  const indent = " ".repeat(9);
  return [
    `${mark(finding.status, look)}  ${look.style.strong(title)}: ${printable(summary)}`,
    ...detail.map((line) => `${indent}  ${printable(line)}`),
    ...(fix === undefined ? [] : [`${indent}fix: ${localise(printable(fix), look.stack)}`]),
  ].join("\n");
}

function mark(status: Finding["status"], { style }: Look): string {
  const text = status.padEnd(7);
  switch (status) {
    case "ok":
      return style.good(text);
    case "warning":
      return style.warn(text);
    case "failed":
      return style.bad(text);
    case "skipped":
      return style.dim(text);
    default:
      return unreachable(status);
  }
}
