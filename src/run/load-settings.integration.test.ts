import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { StackError } from "../errors.ts";
import { testHost, type TestHost } from "../testing/test-host.ts";
import { imageLockFile } from "./image-lock.ts";
import { loadSettings } from "./load-settings.ts";
import { findProjectFile } from "./project-file.ts";
import { parseSettingsFile } from "./settings-file.ts";

async function put(rig: TestHost, path: string, text: string): Promise<string> {
  const file = join(rig.home, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  return file;
}

const at = (rig: TestHost, folder: string) => ({ ...rig.host, cwd: join(rig.home, folder) });

async function failure(work: Promise<unknown>): Promise<StackError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof StackError) return error;
  throw new Error("it did not fail as expected", { cause: error });
}

describe("the project's file", () => {
  it("is known with the settings, so that `stack.lock` lies beside it", async () => {
    await using rig = await testHost();
    const file = await put(rig, "p/stack.yaml", "context: 4096\n");
    await put(rig, "p/a/x", "");
    const context = { ...rig.context, host: at(rig, "p/a") };
    const settings = await loadSettings(context, []);
    expect(settings).toMatchObject({ projectFile: file, values: { context: 4096 } });
    expect(imageLockFile(context.host, settings)).toBe(join(rig.home, "p/stack.lock"));
    expect(await loadSettings(rig.context, [])).not.toHaveProperty("projectFile");
  });

  it("is the nearest above, up to the root of the checkout", async () => {
    await using rig = await testHost();
    await put(rig, "stack.yaml", "");
    await put(rig, "p/.git/HEAD", "");
    await put(rig, "p/a/b/x", "");
    expect(findProjectFile(at(rig, "p/a/b"))).toBeUndefined();
    const root = await put(rig, "p/stack.yaml", "");
    expect(findProjectFile(at(rig, "p/a/b"))).toBe(root);
    const nearer = await put(rig, "p/a/stack.yaml", "");
    expect(findProjectFile(at(rig, "p/a/b"))).toBe(nearer);
  });

  it("is looked for up to home where there is no checkout", async () => {
    await using rig = await testHost();
    const file = await put(rig, "stack.yaml", "");
    await put(rig, "a/b/x", "");
    expect(findProjectFile(at(rig, "a/b"))).toBe(file);
  });

  it("is only that of the folder itself outside of both", async () => {
    await using rig = await testHost();
    const stranger = { ...rig.host, paths: { ...rig.host.paths, home: "/nowhere" } };
    const file = await put(rig, "stack.yaml", "");
    await put(rig, "a/x", "");
    expect(findProjectFile({ ...stranger, cwd: rig.home })).toBe(file);
    expect(findProjectFile({ ...stranger, cwd: join(rig.home, "a") })).toBeUndefined();
  });
});

test.each([
  ["", []],
  ["# nothing\n", []],
  ["---\n", []],
  [
    "port: 1\n\n# x\nmodel: a:b\n",
    [
      { key: "port", value: 1, line: 1 },
      { key: "model", value: "a:b", line: 4 },
    ],
  ],
  [
    "engineArgs:\n  - --threads\n  - '4'\n",
    [{ key: "engineArgs", value: ["--threads", "4"], line: 1 }],
  ],
  ["{port: 1}", [{ key: "port", value: 1, line: 1 }]],
  ["port:\n", [{ key: "port", value: null, line: 1 }]],
  ["1: x\n", [{ key: "1", value: "x", line: 1 }]],
  ['"__proto__": x\n', [{ key: "__proto__", value: "x", line: 1 }]],
  ["resolver: lts-22\npackages: [.]\n", "foreign"],
])("YAML %j", async (text, expected) => {
  expect(await parseSettingsFile("f", text)).toEqual(expected);
});

test.each([
  ["a: [\n", /^f:\d+ is not YAML/],
  ["a: 1\na: 2\n", /^f:2 is not YAML/],
  ["- a\n", /^f: settings are/],
  ["hello\n", /^f: settings are/],
  [`a: &a [x]\n${"b: [*a, *a, *a]\n".repeat(1)}c: *nosuch\n`, /^f(:3 is not YAML| cannot be used)/],
])("YAML that is wrong: %j", async (text, what) => {
  const error = await failure(parseSettingsFile("f", text));
  expect([error.code, error.what]).toEqual(["USAGE", expect.stringMatching(what)]);
});

describe("loading", () => {
  it("takes paths from where they were written", async () => {
    await using rig = await testHost();
    await put(rig, "p/.git/HEAD", "");
    await put(rig, "p/sub/x", "");
    await put(rig, "p/stack.yaml", "ca: certs/site.pem\nmodel: file:models/a.gguf\n");
    const context = { ...rig.context, host: at(rig, "p/sub") };
    const { values } = await loadSettings(context, []);
    expect([values.ca, values.model]).toEqual([
      join(rig.home, "p/certs/site.pem"),
      `file:${join(rig.home, "p/models/a.gguf")}`,
    ]);
    const flags = await loadSettings(context, [
      { key: "ca", value: "own.pem", flag: "--ca" },
      { key: "model", value: "file:~/b.gguf", flag: "--model" },
    ]);
    expect([flags.values.ca, flags.values.model]).toEqual([
      join(rig.home, "p/sub/own.pem"),
      `file:${join(rig.home, "b.gguf")}`,
    ]);
  });

  it("warns of a variable that is nearly one of ours, and of no other", async () => {
    await using rig = await testHost({
      env: {
        STACK_CONTXT: "1",
        STACK_ROOT: "/haskell",
        STACK_MODELS_DIR: "/m",
        STACK_PARALLEL: "3",
      },
    });
    const { values } = await loadSettings(rig.context, []);
    expect(values.parallel).toBe(3);
    expect(rig.events).toEqual([
      {
        type: "warning",
        message: "STACK_CONTXT is no setting and is not used. Did you mean STACK_CONTEXT?",
      },
    ]);
  });

  it("says so when a file is there and cannot be read", async () => {
    await using rig = await testHost();
    await mkdir(join(rig.host.paths.config, "config.yaml"), { recursive: true });
    const error = await failure(loadSettings(rig.context, []));
    expect([error.code, error.what]).toEqual([
      "USAGE",
      `${join(rig.host.paths.config, "config.yaml")} cannot be read.`,
    ]);
  });

  it.skipIf(process.getuid?.() === 0)("says so when a file is another's", async () => {
    await using rig = await testHost();
    const file = await put(rig, "stack.yaml", "port: 1\n");
    await chmod(file, 0);
    expect((await failure(loadSettings(rig.context, []))).what).toBe(`${file} cannot be read.`);
  });
});
