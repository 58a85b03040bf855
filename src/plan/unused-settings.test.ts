import { expect, it } from "vitest";
import type { Origin, ResolvedSettings, SettingKey } from "./settings.ts";
import { settingsSchema } from "./settings.ts";
import { unusedSettings } from "./unused-settings.ts";

function given(key: SettingKey, origin: Origin): Pick<ResolvedSettings, "origins"> {
  const none = Object.keys(settingsSchema.shape).map((each) => [each, { kind: "default" }]);
  return { origins: { ...Object.fromEntries(none), [key]: origin } };
}
const flag: Origin = { kind: "flag", flag: "--x" };
const file: Origin = { kind: "project", file: "/p/stack.yaml" };

it.each<["process" | "container" | "adopted", SettingKey, boolean]>([
  ["process", "memory", true],
  ["process", "engineArgs", true],
  ["process", "context", false],
  ["process", "stretch", false],
  ["container", "memory", false],
  ["container", "engineArgs", false],
  ["adopted", "memory", true],
  ["adopted", "port", true],
  ["adopted", "gpu", true],
  ["adopted", "url", false],
  ["adopted", "context", false],
])("%s, %s: unused %s", (kind, key, unused) => {
  const engine = { kind, name: "e" };
  const byFile = unusedSettings(engine, given(key, file));
  expect(byFile).toEqual(
    unused ? [`The engine e has no use for \`${key}\` (from /p/stack.yaml).`] : [],
  );
  const byFlag = (): unknown => unusedSettings(engine, given(key, flag));
  if (unused) expect(byFlag).toThrow(expect.objectContaining({ code: "USAGE" }));
  else expect(byFlag()).toEqual([]);
});

it("an engine that goes no further than the training has no use for `stretch`", () => {
  const engine = { kind: "container", name: "e", capsAtTraining: true } as const;
  expect(unusedSettings(engine, given("stretch", file))).toHaveLength(1);
  expect(() => unusedSettings(engine, given("stretch", flag))).toThrow("no use for `stretch`");
});
