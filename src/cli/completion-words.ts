import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { MainInput } from "../host/run-main.ts";
import type { CompletionSource } from "./command.ts";
import { settingChoices } from "./setting-flags.ts";

/** Candidates of one kind. Never fails and never asks a daemon: a shell waits for it. */
export async function completionWords(
  input: MainInput,
  source: CompletionSource,
): Promise<readonly string[]> {
  try {
    switch (source) {
      case "engines":
        return settingChoices("engine");
      case "agents":
        return Object.keys((await import("../agents/index.ts")).AGENTS);
      case "stacks": {
        const { createHost } = await import("../host/real-host.ts");
        return await readdir(join(createHost(input.env).paths.state, "stacks"));
      }
      case "models":
        return await modelNames(input);
      case "images":
        return await imageNames();
      case "shells":
        return [];
      default:
        return source satisfies never;
    }
  } catch {
    return [];
  }
}

async function modelNames(input: MainInput): Promise<readonly string[]> {
  const { CATALOG } = await import("../models/catalog.ts");
  const { createHost } = await import("../host/real-host.ts");
  const { openStore } = await import("../models/store.ts");
  const names = CATALOG.map((entry) => entry.name);
  const context = { host: createHost(input.env), emit: () => {}, signal: input.signal };
  const stored = await openStore(context)
    .list()
    .catch(() => []);
  return [...new Set([...names, ...stored.map((model) => model.reference)])];
}

async function imageNames(): Promise<readonly string[]> {
  const folder = new URL("../../compose/images/", import.meta.url);
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}
