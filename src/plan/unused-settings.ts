import type { ContainerEngine, Engine } from "../engines/engine.ts";
import { StackError } from "../errors.ts";
import { originText } from "./resolve-settings.ts";
import type { ResolvedSettings, SettingKey } from "./settings.ts";

/** What only an engine in a container reads. */
const OF_CONTAINERS = [
  "image",
  "gatewayImage",
  "pull",
  "memory",
  "engineArgs",
] as const satisfies readonly SettingKey[];

/** What each kind of engine does not read. */
const UNUSED: Readonly<Record<Engine["kind"], readonly SettingKey[]>> = {
  process: [...OF_CONTAINERS, "allowVulnerable"],
  container: [],
  adopted: [...OF_CONTAINERS, "port", "gpu", "parallel", "kvType", "stretch", "overcommit"],
};

/**
 * Settings that were given and that this engine has no use for: they would seem to work and do nothing. One on the command
 * line is `USAGE`. Elsewhere it may be meant for another engine, and is told in a warning.
 */
export function unusedSettings(
  engine: Pick<Engine, "kind" | "name"> & Pick<Partial<ContainerEngine>, "capsAtTraining">,
  { origins }: Pick<ResolvedSettings, "origins">,
): readonly string[] {
  const unused = engine.capsAtTraining
    ? ([...UNUSED[engine.kind], "stretch"] as const)
    : UNUSED[engine.kind];
  const given = unused.filter((key) => origins[key].kind !== "default");
  return given.map((key) => {
    const what = `The engine ${engine.name} has no use for \`${key}\` (from ${originText(origins[key])}).`;
    if (origins[key].kind !== "flag") return what;
    throw new StackError("USAGE", { what, next: `stack up ${engine.name} --help` });
  });
}
