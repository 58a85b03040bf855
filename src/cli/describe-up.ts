import type { UpResult } from "../run/up.ts";
import type { Look } from "./command.ts";
import { renderFields } from "./output/table.ts";

/** What `up` and `restart` print: the result, and the file that holds the key. */
export type UpReport = UpResult & { readonly keyFile: string };

/** The endpoint for people, or for a dry run the steps. */
export function describeUp(report: UpReport): string {
  const { endpoint, dryRun, steps } = report;
  if (dryRun && steps.length > 0) return steps.map((step) => `would: ${step.title}`).join("\n");
  if (endpoint === undefined) return "";
  return renderFields([
    ["endpoint", endpoint.apiBase],
    ["model", endpoint.model],
    ["engine", endpoint.engine],
    ["context", `${endpoint.contextWindow} tokens, answers of up to ${endpoint.maxOutputTokens}`],
    ["tools", endpoint.tools ? "yes" : "no"],
    ["key", report.keyFile],
  ]);
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
    changed ? `${style.good("✓")} ${name} is up.` : `${name} runs already: nothing was changed.`,
    "",
    "Ask it something:",
    `  curl -s ${endpoint.apiBase}/chat/completions \\`,
    `    -H "Authorization: Bearer $(cat ${shellQuote(report.keyFile)})" \\`,
    `    -H 'Content-Type: application/json' \\`,
    `    -d ${shellQuote(JSON.stringify(body))}`,
    "Point an agent at it:",
    `  eval "$(${quietStack} env${which})"`,
    `  ${stack} config ml-intern --write${which}`,
    "Stop it:",
    `  ${stack} down${which}`,
  ];
}

/** One word for a POSIX shell, whatever it holds. */
export function shellQuote(text: string): string {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
