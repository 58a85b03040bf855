import { findEngine } from "../engines/index.ts";
import { LABEL } from "../plan/labels.ts";
import { SETTING_KEYS } from "../plan/resolve-settings.ts";
import type { SettingKey } from "../plan/settings.ts";
import type { RunContext } from "../run-context.ts";
import { type KeptSettings, readKept, settingsText } from "./kept-settings.ts";
import type { Resumed } from "./load-settings.ts";
import { engineOf, findStacks, type StackParts } from "./parts.ts";
import { stackFolder, unknownStack } from "./stack-folder.ts";

/**
 * What `restart` is to bring up again: what was kept, with the project of then, else what can still be seen of the stack.
 * `STACK_UNKNOWN` where there is none.
 */
export async function settingsToRestart(context: RunContext, name: string): Promise<Resumed> {
  const kept = await readKept(stackFolder(context.host, name));
  if (kept !== undefined) return { kept, folder: kept.folder, tell: false };
  const { stacks } = await findStacks(context, name);
  const [parts] = stacks;
  if (parts === undefined) throw unknownStack(name);
  const seen = settingsSeen(parts);
  const message = `With which settings ${name} was brought up is not known here any more; what can be seen of it is: ${settingsText(seen.given)}.`;
  context.emit({ type: "warning", message });
  return { kept: seen, folder: undefined, tell: false };
}

/** Of a stack that an earlier version brought up, or whose folder was lost: labels of containers, and the endpoint. */
function settingsSeen(parts: StackParts): KeptSettings {
  const { endpoint, containers } = parts;
  const engine = engineOf(parts);
  const adopted = endpoint?.adopted === true ? endpoint : undefined;
  const label = containers.map(({ labels }) => labels[LABEL.model]).find(Boolean);
  const seen: Partial<Record<SettingKey, unknown>> = {
    engine,
    model: adopted?.model ?? endpoint?.reference ?? label,
    context: endpoint?.contextWindow,
    url: adopted?.apiBase,
    ca: adopted?.ca,
    adopt: adopted !== undefined && findEngine(engine)?.kind === "container" ? true : undefined,
  };
  const given = SETTING_KEYS.filter((key) => seen[key] !== undefined).map((key) => ({
    key,
    value: seen[key],
    origin: { kind: "flag", flag: `--${key}` } as const,
  }));
  return { engine, adopted: adopted !== undefined, given };
}
