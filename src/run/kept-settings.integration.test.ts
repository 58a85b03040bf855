import { mkdir, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ResolvedSettings } from "../plan/settings.ts";
import { testHost, type TestHost } from "../testing/test-host.ts";
import { readKept, settingsToGoOn, settingsToKeep, writeKept } from "./kept-settings.ts";
import { loadSettings, type SettingArgument } from "./load-settings.ts";
import { settingsToRestart } from "./restart-settings.ts";
import { stackFolder, writeEndpoint } from "./stack-folder.ts";

/** What one command is given: words of the command line, variables, and where it is typed. */
interface Given {
  readonly flags?: Readonly<Record<string, string | readonly string[]>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

const flagsOf = ({ flags = {} }: Given): readonly SettingArgument[] =>
  Object.entries(flags).map(
    ([key, value]) => ({ key, value, flag: `--${key}` }) as SettingArgument,
  );

function contextOf({ context, host, home }: TestHost, { env, cwd = "" }: Given) {
  return {
    ...context,
    host: { ...host, env: { ...host.env, ...env }, cwd: join(home, cwd) },
  };
}

/** A stack that was brought up like this, and the settings that a `restart` has then. */
async function restarted(rig: TestHost, first: Given, then: Given): Promise<ResolvedSettings> {
  const up = await loadSettings(contextOf(rig, first), flagsOf(first));
  await writeKept(stackFolder(rig.host, up.values.name), settingsToKeep(up));
  return again(rig, then);
}

async function again(rig: TestHost, given: Given): Promise<ResolvedSettings> {
  const context = contextOf(rig, given);
  return loadSettings(context, flagsOf(given), ({ values }) =>
    settingsToRestart(context, values.name),
  );
}

/** Of the settings those that are expected; one that is not set is undefined. */
function some({ values }: ResolvedSettings, expected: object): object {
  const keys = Object.keys(expected) as (keyof ResolvedSettings["values"])[];
  return Object.fromEntries(keys.map((key) => [key, values[key]]));
}

async function put(rig: TestHost, path: string, text: string): Promise<string> {
  const file = join(rig.home, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  return file;
}

/** The settings of an `up` that says what is given, and no more. */
async function goneOn(rig: TestHost, given: Given): Promise<ResolvedSettings> {
  const context = contextOf(rig, given);
  return loadSettings(context, flagsOf(given), (here) => settingsToGoOn(context, here));
}

describe("restart", () => {
  it.each<[string, Given, Given, object]>([
    [
      "has all that `up` was given",
      {
        flags: { engine: "llamacpp", context: "4096", gpu: "all", engineArgs: ["--mlock"] },
        env: { STACK_PORT: "1234" },
      },
      {},
      { engine: "llamacpp", context: 4096, gpu: "all", engineArgs: ["--mlock"], port: 1234 },
    ],
    [
      "takes what it is given before that",
      { flags: { engine: "llamacpp", context: "4096", memory: "8g" } },
      { flags: { context: "2048" } },
      { engine: "llamacpp", context: 2048, memory: "8g" },
    ],
    [
      "keeps a flag that stood over a variable",
      { flags: { context: "4096" }, env: { STACK_CONTEXT: "1024" } },
      { env: { STACK_CONTEXT: "1024" } },
      { context: 4096 },
    ],
    [
      "heeds a variable of now",
      { env: { STACK_CONTEXT: "1024" } },
      { env: { STACK_CONTEXT: "2048" } },
      { context: 2048 },
    ],
    [
      "takes nothing of one engine for another",
      { flags: { engine: "ollama", image: "ollama/ollama:0.40.2", context: "4096" } },
      { flags: { engine: "llamacpp" } },
      { engine: "llamacpp", image: undefined, context: 32_768 },
    ],
    [
      "pulls no images because `up` was told to",
      { flags: { engine: "ollama", pull: "always" } },
      {},
      { engine: "ollama", pull: "missing" },
    ],
  ])("%s", async (_title, first, then, expected) => {
    await using rig = await testHost();
    expect(some(await restarted(rig, first, then), expected)).toEqual(expected);
  });

  it("is of the project that it was brought up in, wherever it is typed", async () => {
    await using rig = await testHost();
    const file = await put(rig, "a/stack.yaml", "engine: ollama\ncontext: 4096\n");
    await put(rig, "b/stack.yaml", "engine: vllm\nname: b\n");
    const typed = { flags: { name: "work" }, cwd: "b" };
    const first = { flags: { name: "work", memory: "8g" }, cwd: "a" };
    const here = await restarted(rig, first, typed);
    expect(here).toMatchObject({
      projectFile: file,
      values: { name: "work", engine: "ollama", context: 4096, memory: "8g" },
    });
    // The file is read anew; a key that is gone from it has its default.
    await put(rig, "a/stack.yaml", "engine: ollama\nparallel: 2\n");
    const changed = { context: 32_768, parallel: 2, memory: "8g" };
    expect(some(await again(rig, typed), changed)).toEqual(changed);
    await put(rig, "a/stack.yaml", "engine: llamacpp\n");
    const other = { engine: "llamacpp", memory: undefined };
    expect(some(await again(rig, typed), other)).toEqual(other);
    await rm(file);
    expect((await again(rig, typed)).values).toMatchObject({ engine: "ollama", context: 4096 });
  });

  it("heeds a file that was written into that project since", async () => {
    await using rig = await testHost();
    await put(rig, "a/x", "");
    const first = { flags: { engine: "ollama" }, cwd: "a" };
    await restarted(rig, first, {});
    await put(rig, "a/stack.yaml", "context: 4096\n");
    expect((await again(rig, {})).values).toMatchObject({ engine: "ollama", context: 4096 });
  });

  it("tells which stack it does not know", async () => {
    await using rig = await testHost({ env: { DOCKER_HOST: "unix:///nowhere/docker.sock" } });
    const typed = { flags: { name: "typo" } };
    await expect(again(rig, typed)).rejects.toMatchObject({ code: "STACK_UNKNOWN" });
  });

  it.each([undefined, "{}", '{"engine":'])(
    "does by the endpoint what it can where nothing readable was kept: %j",
    async (text) => {
      await using rig = await testHost({ env: { DOCKER_HOST: "unix:///nowhere/docker.sock" } });
      const folder = stackFolder(rig.host, "default");
      await writeEndpoint(folder, {
        name: "default",
        engine: "ollama",
        apiBase: "http://127.0.0.1:1/v1",
        apiKey: "none",
        model: "qwen3:8b",
        reference: "ollama:qwen3:8b",
        contextWindow: 8192,
        maxOutputTokens: 4096,
        tools: true,
        adopted: true,
        warnings: [],
      });
      if (text !== undefined) await writeFile(join(folder.path, "settings.json"), text);
      expect((await again(rig, {})).values).toMatchObject({
        engine: "ollama",
        adopt: true,
        url: "http://127.0.0.1:1/v1",
        model: "qwen3:8b",
        context: 8192,
      });
      const message = expect.stringContaining("not known here any more");
      expect(rig.events).toContainEqual({ type: "warning", message });
    },
  );
});

it.each<[string, Given, object]>([
  ["names nothing", {}, { engine: "ollama", memory: "8g" }],
  ["names no engine and no model", { flags: { context: "2048" } }, { memory: "8g", context: 2048 }],
  ["names an engine", { flags: { engine: "embedded" } }, { engine: "embedded", memory: undefined }],
  ["names a model", { flags: { model: "qwen3:8b" } }, { engine: "embedded", memory: undefined }],
])("`up` of a stack that was brought up before, when it %s", async (_title, then, expected) => {
  await using rig = await testHost();
  await restarted(rig, { flags: { engine: "ollama", memory: "8g" } }, {});
  const settings = await goneOn(rig, then);
  expect(some(settings, expected)).toEqual(expected);
  const message = "default is meant as it was brought up before: engine ollama, memory 8g.";
  const told = settings.values.engine === "ollama" ? [{ type: "info", message }] : [];
  expect(rig.events.filter(({ type }) => type !== "debug")).toEqual(told);
});

describe("the project of an `up` that names neither engine nor model", () => {
  it("is the one here, also when its file is newer than the stack", async () => {
    await using rig = await testHost();
    await put(rig, "a/x", "");
    await restarted(rig, { flags: { engine: "ollama" }, cwd: "a" }, {});
    const file = await put(rig, "a/stack.yaml", "context: 4096\nport: 12345\n");
    const here = await goneOn(rig, { cwd: "a" });
    expect(here).toMatchObject({
      projectFile: file,
      values: { engine: "ollama", context: 4096, port: 12_345 },
    });
  });

  it("is that of then where there is none, and stays so", async () => {
    await using rig = await testHost();
    await put(rig, "a/stack.yaml", "engine: ollama\ncontext: 4096\n");
    await put(rig, "b/x", "");
    await restarted(rig, { cwd: "a" }, {});
    for (const _ of [1, 2]) {
      const there = await goneOn(rig, { cwd: "b" });
      expect(there.values).toMatchObject({ engine: "ollama", context: 4096 });
      await writeKept(stackFolder(rig.host, "default"), settingsToKeep(there));
    }
  });

  it("is never another's: a file here that names no engine is not filled up from the project of then", async () => {
    await using rig = await testHost();
    await put(rig, "a/stack.yaml", "engine: ollama\nparallel: 4\n");
    const file = await put(rig, "b/stack.yaml", "context: 4096\n");
    await restarted(rig, { flags: { memory: "8g" }, cwd: "a" }, {});
    const here = { engine: "embedded", context: 4096, parallel: 1, memory: undefined };
    expect(some(await goneOn(rig, { cwd: "b" }), here)).toEqual(here);
    // It is told what becomes of the stack of then, and not that it were meant.
    const message = `default was brought up before with engine ollama, parallel 4, memory 8g; by ${file} it is engine embedded, which takes its place.`;
    const next = "stack up --name <another>";
    expect(rig.events).toEqual([{ type: "warning", message, next }]);
  });
});

it("is kept in a file for its user alone, and a setting that there is no more is left out", async () => {
  await using rig = await testHost();
  const folder = stackFolder(rig.host, "default");
  const origin = { kind: "flag", flag: "--x" } as const;
  const given = [
    { key: "context", value: 4096, origin },
    { key: "gone", value: 1, origin },
    { key: "parallel", value: "many", origin },
  ];
  const kept = { engine: "ollama", adopted: false };
  await writeKept(folder, { ...kept, given });
  expect((await stat(join(folder.path, "settings.json"))).mode & 0o777).toBe(0o600);
  expect(await readKept(folder)).toEqual({ ...kept, given: given.slice(0, 1) });
});
