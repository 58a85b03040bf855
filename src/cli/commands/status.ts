import { unreachable } from "../../errors.ts";
import type { StatusReport } from "../../run/status.ts";
import { defineCommand } from "../command.ts";
import { describeContext, describeSpeed, describeTools } from "../describe-measured.ts";
import { oneLine, renderFields } from "../output/table.ts";

export const command = defineCommand({
  description:
    "What the daemon and the process table say now, not what was once written down. The key is not shown.",
  args: [],
  wordMeans: "name",
  flags: {},
  settings: [],
  examples: [
    { command: "stack status", what: "The stack named default." },
    { command: "stack status --name work --json", what: "Another one, for programs." },
  ],
  run: async ({ context, settings }): Promise<StatusReport> => {
    const { status } = await import("../../run/status.ts");
    return status(context, { name: (await settings()).values.name });
  },
  text: (report) => {
    const { endpoint } = report;
    return renderFields([
      ["name", report.name],
      ["state", `${report.state}${stateNote(report)}`],
      ["engine", [report.engine, ...engineVersion(report)].map(oneLine).join(" ")],
      ...(endpoint === undefined
        ? []
        : ([
            ["endpoint", endpoint.apiBase],
            ["model", `${oneLine(endpoint.model)} (${oneLine(endpoint.reference)})`],
            ["context", describeContext(endpoint)],
            ["tools", describeTools(endpoint)],
            ...describeSpeed(endpoint).map((speed) => ["speed", speed] as const),
          ] as const)),
      // `engine` is what serves; this is where it runs.
      ...report.parts.map(
        (part) => ["runs as", `${oneLine(part.what)}: ${part.state}${exitNote(part)}`] as const,
      ),
      ...(report.gpu === undefined ? [] : [["gpu", gpuText(report.gpu)] as const]),
      ["sealed", sealText(report.seal)],
      ...(report.since === undefined ? [] : [["since", report.since] as const]),
      ...(report.logFile === undefined ? [] : [["log", report.logFile] as const]),
    ]);
  },
  hints: ({ warnings }, { style }) =>
    warnings.map((warning) => `${style.warn("warning:")} ${oneLine(warning)}`),
});

function stateNote({ state, answers }: StatusReport): string {
  if (state === "stopped") return "";
  return answers ? ", answers" : ", does not answer now";
}

/** Of an adopted server, what it was found to be. */
function engineVersion({ endpoint }: StatusReport): readonly string[] {
  const { software, engineVersion: version } = endpoint?.measured ?? {};
  const found = [software, version].filter((each) => each !== undefined).join(" ");
  if (found === "") return [];
  return software === undefined ? [found] : [`(${found})`];
}

function exitNote(part: StatusReport["parts"][number]): string {
  if (part.oomKilled === true && part.state !== "running") return " (killed: out of memory)";
  return part.exitCode === undefined ? "" : ` (exit ${part.exitCode})`;
}

function gpuText({ state, share, warning }: NonNullable<StatusReport["gpu"]>): string {
  switch (state) {
    case "on-gpu":
      return "the model is on it";
    case "partly":
      return `${Math.floor((share ?? 0) * 100)} % of the model is on it`;
    case "on-cpu":
      return "not used: the processor computes";
    case "lost":
      return "lost";
    case "unknown":
      return warning === undefined ? "there, as far as can be seen" : "no answer";
    default:
      return unreachable(state);
  }
}

function sealText({ kind, hostReachable }: StatusReport["seal"]): string {
  switch (kind) {
    case "isolated":
      return "yes: it reaches nothing but its gateway";
    case "internal":
      return `no way out of this machine${hostReachable ? ", but the host itself is reachable" : ""}`;
    case "process":
      return "no: it runs as a process of yours";
    case "adopted":
      return "no: the server is not ours";
    case "none":
      return "no";
    case "unknown":
      return "not known: the container daemon could not be asked";
    default:
      return unreachable(kind);
  }
}
