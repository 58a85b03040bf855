import * as fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { StackError } from "../errors.ts";
import {
  originText,
  resolveSettings,
  SETTING_KEYS,
  settingVariable,
  type SettingEntry,
} from "./resolve-settings.ts";
import { ENGINE_NAMES } from "./settings.ts";

const flag = (key: string, value: unknown): SettingEntry => ({
  key,
  value,
  isText: true,
  origin: { kind: "flag", flag: `--${key}` },
  where: `--${key}`,
});
const variable = (key: string, value: string): SettingEntry => ({
  key,
  value,
  isText: true,
  origin: { kind: "environment", variable: settingVariable(key) },
  where: settingVariable(key),
});
const project = (key: string, value: unknown, line = 1): SettingEntry => ({
  key,
  value,
  isText: false,
  origin: { kind: "project", file: `/p/stack.yaml:${line}` },
  where: `/p/stack.yaml:${line}`,
});

function failure(layers: readonly (readonly SettingEntry[])[]): StackError {
  try {
    resolveSettings(layers);
  } catch (error) {
    if (error instanceof StackError) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

function outcome(layers: readonly (readonly SettingEntry[])[]): string {
  try {
    resolveSettings(layers);
    return "resolved";
  } catch (error) {
    return error instanceof StackError ? error.code : String(error);
  }
}

describe("precedence", () => {
  it("takes the first layer that has the key, and remembers which", () => {
    const { values, origins } = resolveSettings([
      [flag("port", "1111")],
      [variable("port", "2222"), variable("context", "4096")],
      [project("port", 3333), project("context", 512), project("parallel", 2)],
    ]);
    expect([values.port, values.context, values.parallel, values.name]).toEqual([
      1111,
      4096,
      2,
      "default",
    ]);
    expect(
      SETTING_KEYS.filter((key) => origins[key].kind !== "default").map((key) => [
        key,
        originText(origins[key]),
      ]),
    ).toEqual([
      ["context", "STACK_CONTEXT"],
      ["parallel", "/p/stack.yaml:1"],
      ["port", "--port"],
    ]);
  });

  it("has an origin for every key", () => {
    expect(Object.keys(resolveSettings([]).origins).sort()).toEqual([...SETTING_KEYS].sort());
  });
});

test.each([
  ["context", "8192", 8192],
  ["context", "auto", "auto"],
  ["context", " 8192 ", 8192],
  ["stretch", "true", true],
  ["stretch", "0", false],
  ["offline", true, true],
  ["insecureRegistries", "a:1, b:2,", ["a:1", "b:2"]],
  ["insecureRegistries", "", []],
  ["memory", "8GiB", "8GiB"],
  ["model", "hf:org/repo@main", "hf:org/repo@main"],
] as const)("text: %s=%j is %j", (key, text, value) => {
  expect(resolveSettings([[flag(key, text)]]).values[key]).toEqual(value);
});

test.each([
  ["port", "http", '--port: expected a whole number from 0 to 65535, found "http".'],
  ["port", "99999", "--port: expected a whole number from 0 to 65535, found 99999."],
  ["context", "-1", "--context: expected a whole number from 256 to 4194304 or auto, found -1."],
  ["maxOutputTokens", "1.5", '--maxOutputTokens: expected a whole number from 1 up, found "1.5".'],
  ["stretch", "yes", '--stretch: expected true or false, found "yes".'],
  [
    "engine",
    "olama",
    `--engine: expected one of ${ENGINE_NAMES.join(", ")}, found "olama". Did you mean \`ollama\`?`,
  ],
  [
    "gpu",
    "auto,0",
    '--gpu: "auto,0" is not valid: write auto, all, none, or numbers or UUIDs of GPUs such as 0,1.',
  ],
  [
    "name",
    "My Stack",
    '--name: "My Stack" is not valid: use 1 to 32 lower-case letters, digits and dashes.',
  ],
  ["memory", "8", '--memory: "8" is not valid: write a size such as 8g.'],
  ["model", "", "--model: expected text, found nothing."],
] as const)("refuses %s=%j", (key, text, message) => {
  const error = failure([[flag(key, text)]]);
  expect([error.code, error.what]).toEqual(["USAGE", message]);
});

test.each([
  ["port", "8080", '/p/stack.yaml:4: expected a whole number from 0 to 65535, found "8080".'],
  ["port", null, "/p/stack.yaml:4: expected a whole number from 0 to 65535, found nothing."],
  ["insecureRegistries", "a:1", '/p/stack.yaml:4: expected a list of text, found "a:1".'],
  ["name", 7, "/p/stack.yaml:4: expected text, found 7."],
  ["modle", "x", "/p/stack.yaml:4: there is no setting `modle`. Did you mean `model`?"],
  ["zzzzzzzz", "x", "/p/stack.yaml:4: there is no setting `zzzzzzzz`."],
  ["__proto__", "x", "/p/stack.yaml:4: there is no setting `__proto__`."],
  ["toString", "x", "/p/stack.yaml:4: there is no setting `toString`."],
])("a file is typed: %s: %j", (key, value, message) => {
  expect(failure([[project(key, value, 4)]]).what).toBe(message);
});

it("reports all mistakes at once, also in a value that is overridden", () => {
  const error = failure([[flag("port", "80")], [variable("port", "x")], [project("modle", 1, 2)]]);
  expect([error.what, ...error.detail]).toEqual([
    'STACK_PORT: expected a whole number from 0 to 65535, found "x".',
    "/p/stack.yaml:2: there is no setting `modle`. Did you mean `model`?",
  ]);
});

test("it either resolves or fails with USAGE, whatever is written", () => {
  const entry = fc.record({
    key: fc.oneof(fc.constantFrom<string>(...SETTING_KEYS), fc.string()),
    value: fc.jsonValue(),
    isText: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(entry), (entries) => {
      const layer = entries.map((each) => ({
        ...project(each.key, each.value),
        isText: each.isText,
      }));
      expect(outcome([layer])).toMatch(/^(resolved|USAGE)$/);
    }),
  );
});

test.each([
  ["name", "STACK_NAME"],
  ["maxOutputTokens", "STACK_MAX_OUTPUT_TOKENS"],
  ["ca", "STACK_CA"],
])("the variable of %s is %s", (key, name) => {
  expect(settingVariable(key)).toBe(name);
});
