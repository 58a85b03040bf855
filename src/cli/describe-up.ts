import { shellQuote } from "../plan/shell-quote.ts";
import type { UpResult } from "../run/up.ts";
import type { Look } from "./command.ts";
import { formatBytes } from "../models/bytes.ts";
import { WHY_NO_MORE } from "../plan/context-window.ts";
import { renderFields } from "./output/table.ts";

/** What `up` and `restart` print: the result, and the file that holds the key. A server that is adopted may have none. */
export type UpReport = UpResult & { readonly keyFile?: string | undefined };

/** The endpoint for people, or for a dry run the steps. */
export function describeUp(report: UpReport): string {
  const { endpoint, dryRun, steps } = report;
  if (dryRun && steps.length > 0) {
    const { fit, fitUnknown, gpu } = report;
    return [
      ...steps.map((step) => `would: ${step.title}`),
      ...(gpu === undefined ? [] : [describeGpu(gpu)]),
      ...(fit === undefined ? [] : [describeFit(fit)]),
      ...(fit?.warnings ?? []).map((warning) => `warning: ${warning}`),
      ...(fitUnknown === undefined
        ? []
        : [`memory: not known before the model is fetched: ${fitUnknown}`]),
    ].join("\n");
  }
  if (endpoint === undefined) return "";
  return renderFields([
    ["endpoint", endpoint.apiBase],
    ["model", endpoint.model],
    ["engine", endpoint.engine],
    [
      "context",
      `${endpoint.contextWindow} tokens${reason(report)}, answers of up to ${endpoint.maxOutputTokens}`,
    ],
    ["tools", endpoint.tools ? "yes" : "no"],
    ["key", report.keyFile ?? "none"],
  ]);
}

function describeGpu({ accelerator, request }: NonNullable<UpReport["gpu"]>): string {
  return `gpu: ${accelerator} (${request}), not tried: that takes a container, and a dry run starts none`;
}

/** What limits the context, in brackets; nothing where it is what was asked for, or the gate found another. */
function reason({ fit, endpoint }: Pick<UpReport, "fit" | "endpoint">): string {
  if (fit === undefined || fit.limitedBy === "settings") return "";
  const found = endpoint?.contextWindow ?? fit.context;
  return found === fit.context ? ` (${WHY_NO_MORE[fit.limitedBy]})` : "";
}

/** The sum, in one line. */
function describeFit(fit: NonNullable<UpReport["fit"]>): string {
  const { needed, weightsBytes, free, context } = fit;
  const device = free.deviceFreeBytes;
  const has = [
    ...(device === undefined ? [] : [`${formatBytes(device)} on the GPU`]),
    formatBytes(free.hostFreeBytes),
  ].join(" and ");
  if (needed === undefined) {
    return `memory: weights ${formatBytes(weightsBytes ?? 0)}, of ${has} free; what ${context} tokens${reason({ fit })} take is not known`;
  }
  const parts = [
    `weights ${formatBytes(needed.weights)}`,
    `keys and values ${formatBytes(needed.kv)} for ${context} tokens${reason({ fit })}`,
    `buffers ${formatBytes(needed.compute)}`,
    `engine ${formatBytes(needed.runtime)}`,
    ...(needed.cache > 0 ? [`kept prompts up to ${formatBytes(needed.cache)}`] : []),
  ];
  return `memory: ${parts.join(" + ")} = ${formatBytes(needed.total)}, of ${has} free`;
}

/** How to use it, as lines that work when they are pasted. */
export function upHints(report: UpReport, look: Look): readonly string[] {
  const { endpoint, changed, name } = report;
  if (endpoint === undefined) return [];
  const { style, stack, quietStack } = look;
  const which = name === "default" ? "" : ` --name ${name}`;
  const body = { model: endpoint.model, messages: [{ role: "user", content: "Say hello." }] };
  return [
    ...endpoint.warnings.map((warning) => `${style.warn("warning:")} ${warning}`),
    "",
    changed
      ? `${style.good("✓")} ${name} is ${endpoint.adopted === true ? "adopted" : "up"}.`
      : `${name} runs already: nothing was changed.`,
    "",
    "Ask it something:",
    `  curl -s ${endpoint.apiBase}/chat/completions \\`,
    ...(report.keyFile === undefined
      ? []
      : [`    -H "Authorization: Bearer $(cat ${shellQuote(report.keyFile)})" \\`]),
    `    -H 'Content-Type: application/json' \\`,
    `    -d ${shellQuote(JSON.stringify(body))}`,
    "Point an agent at it:",
    `  eval "$(${quietStack} env${which})"`,
    `  ${stack} config ml-intern --write${which}`,
    endpoint.adopted === true ? "Forget it:" : "Stop it:",
    `  ${stack} down${which}`,
  ];
}
