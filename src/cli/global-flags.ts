import type { FlagSpecs } from "./command.ts";

/** Accepted by every command, before or after its name. `name` and `timeout` are settings and join them. */
export const GLOBAL_FLAGS = {
  json: { kind: "boolean", summary: "Print one JSON object, or NDJSON events for long work." },
  quiet: { kind: "boolean", short: "q", summary: "Print results and errors only." },
  verbose: { kind: "boolean", short: "v", summary: "Print each detail, and stack traces." },
  color: { kind: "boolean", summary: "Print no colours; --color forces them." },
  "dry-run": { kind: "boolean", summary: "Say what would be done, and do nothing." },
  help: { kind: "boolean", short: "h", summary: "Print this help." },
} as const satisfies FlagSpecs;
