import type { ParseArgsOptionsConfig } from "node:util";
import type { FlagSpec } from "./command.ts";

/** The form of flags that node:util's parseArgs wants. It only splits words; judging them is ours. */
export function parseOptions(flags: ReadonlyMap<string, FlagSpec>): ParseArgsOptionsConfig {
  return Object.fromEntries(
    [...flags].map(([name, spec]) => [
      name,
      {
        type: spec.kind === "boolean" ? ("boolean" as const) : ("string" as const),
        multiple: true,
        ...(spec.short === undefined ? {} : { short: spec.short }),
      },
    ]),
  );
}
