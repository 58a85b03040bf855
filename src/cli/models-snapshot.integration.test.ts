import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { lastJson, type StackCommand, stackCommand } from "../testing/stack-command.ts";
import { CHATML } from "../testing/store-rig.ts";
import { tinyGguf } from "../testing/tiny-gguf.ts";
import { TINY_SNAPSHOT } from "../testing/tiny-snapshot.ts";

const SIZE = Object.values(TINY_SNAPSHOT).reduce((sum, { length }) => sum + length, 0);
let cli: StackCommand;

beforeEach(async () => {
  cli = await stackCommand();
  await mkdir(join(cli.home, "m"));
  for (const [file, content] of Object.entries(TINY_SNAPSHOT)) {
    await writeFile(join(cli.home, "m", file), content);
  }
});
afterEach(() => cli[Symbol.asyncDispose]());

async function json(...args: readonly string[]): Promise<Record<string, unknown>> {
  return lastJson(await cli.run(...args, "--json"));
}

it("a folder of safetensors is pulled, listed, counted, checked and removed like any model", async () => {
  const pulled = await json("models", "pull", "file:m");
  expect(pulled).toMatchObject({ changed: true, model: { format: "safetensors" } });
  const again = await json("models", "pull", "file:m", "--engine", "vllm");
  expect(again).toMatchObject({ changed: false, model: { format: "safetensors" } });

  const { stdout } = await cli.run("models", "ls");
  expect(stdout).toMatch(/file:\S+\/m +m:latest +safetensors +\S+ \S+ +BF16 +2048 +yes/);
  expect(await json("models", "df")).toMatchObject({
    models: [{ format: "safetensors", bytes: SIZE, sharedBytes: 0 }],
    unusedBytes: 0,
  });

  const { model } = pulled as { model: { snapshot: string } };
  const weights = join(
    cli.home,
    ".local/share/stack/models",
    model.snapshot,
    "model-1.safetensors",
  );
  const bytes = await readFile(weights);
  bytes[100] = (bytes[100] ?? 0) ^ 1;
  await writeFile(weights, bytes);
  const verified = await cli.run("models", "verify");
  expect(verified).toMatchObject({ exitCode: 7, stdout: expect.stringContaining("bad (digest)") });
  expect(verified.stderr).toMatch(/models rm file:\S+ --engine vllm && \S.*models pull/);

  const removed = await json("models", "rm", "file:m");
  expect(removed).toMatchObject({ removed: [{ format: "safetensors", freedBytes: SIZE }] });
  expect(await json("models", "ls")).toEqual({ models: [] });
});

it("what vLLM gives tools with a template of ours, and SGLang does not, is listed so", async () => {
  await writeFile(join(cli.home, "m", "chat_template.jinja"), CHATML);
  await json("models", "pull", "file:m");
  expect((await cli.run("models", "ls")).stdout).toMatch(/ +2048 +vllm +\d{4}-/);
  expect(await json("models", "ls")).toMatchObject({ models: [{ toolsWith: ["vllm"] }] });
});

it("an engine that is named decides what is pulled and what goes", async () => {
  await writeFile(join(cli.home, "m.gguf"), tinyGguf());
  expect(await json("models", "pull", "file:m.gguf")).toMatchObject({ model: { format: "gguf" } });
  expect(await json("models", "pull", "file:m.gguf", "--engine", "vllm")).toMatchObject({
    code: "MODEL_UNAVAILABLE",
    what: expect.stringContaining("is a file"),
  });
  expect(await json("models", "rm", "file:m.gguf", "--engine", "vllm")).toMatchObject({
    code: "MODEL_UNKNOWN",
  });
  await writeFile(join(cli.home, "stack.yaml"), "engine: vllm\nmodel: file:m\n");
  expect(await json("models", "pull")).toMatchObject({ model: { format: "safetensors" } });
  const rest = await json("models", "rm", "file:m.gguf", "--engine", "llamacpp");
  expect(rest).toMatchObject({ removed: [{ format: "gguf" }] });
});
