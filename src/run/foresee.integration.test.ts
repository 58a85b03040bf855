import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { fakeDocker, type FakeDocker } from "../testing/fake-docker.ts";
import { fakeFiles } from "../testing/fake-files.ts";
import { fakeRegistry, type FakeRegistry } from "../testing/fake-registry.ts";
import { lastJson, type StackCommand, stackCommand } from "../testing/stack-command.ts";
import { costlyGguf } from "../testing/tiny-gguf.ts";

/** A hundred thousand tokens are 400 GB. */
const gguf = costlyGguf(1024, 100_000);

let docker: FakeDocker;
let registry: FakeRegistry;
let cli: StackCommand;
beforeEach(async () => {
  docker = await fakeDocker();
  registry = await fakeRegistry();
  registry.addModel("library/m", "t", gguf);
  cli = await stackCommand({ DOCKER_HOST: docker.host });
});
afterEach(async () => {
  await cli[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await docker[Symbol.asyncDispose]();
});

const source = async (kind: string): Promise<string> => {
  if (kind === "ollama:") return `ollama:${registry.address}/m:t`;
  await writeFile(join(cli.home, "m.gguf"), gguf);
  return "file:m.gguf";
};
const stored = async (): Promise<readonly string[]> =>
  readdir(join(cli.home, ".local/share/stack/models/blobs")).catch(() => []);

it.each([
  ["llamacpp", "file:"],
  ["llamacpp", "ollama:"],
  ["embedded", "file:"],
  ["embedded", "ollama:"],
])("%s with a model of %s that can't fit is exit 8 with nothing pulled", async (engine, kind) => {
  const model = await source(kind);
  for (const more of [[], ["--dry-run"]]) {
    const asked = ["--model", model, "--context", "100000", "--json", ...more];
    const result = await cli.run("up", engine, ...asked);
    expect(result.exitCode).toBe(8);
    expect(lastJson(result)).toMatchObject({
      code: "DOES_NOT_FIT",
      what: expect.stringMatching(/needs about 4\d\d\.\d GB of memory with a context of 100000/),
    });
  }
  expect(docker.requests.filter(({ method }) => method === "POST")).toEqual([]);
  expect(await stored()).toEqual([]);
});

it("a dry run shows the sum of a model that is not here", async () => {
  const model = await source("ollama:");
  const { stdout } = await cli.run("up", "--model", model, "--context", "256", "--dry-run");
  expect(stdout).toMatch(/^memory: weights .* keys and values 1\.1 GB for 256 tokens/m);
});

it("what nobody can tell is said to be unknown, in words and as data, and is no error", async () => {
  await using index = await fakeFiles();
  const headers = { "content-type": "application/vnd.pypi.simple.v1+json" };
  const files = [
    { filename: "m-1.0-py3-none-any.whl", url: "m.whl", hashes: { sha256: "a".repeat(64) } },
  ];
  index.serve("/simple/m/", { body: Buffer.from(JSON.stringify({ files })), headers });
  const env = { DOCKER_HOST: docker.host, PIP_INDEX_URL: `${index.url}/simple/` };
  await using asker = await stackCommand(env);
  const asked = ["up", "--model", "pypi:m", "--dry-run"];
  const dry = await asker.run(...asked);
  expect(dry.exitCode).toBe(0);
  expect(dry.stdout).toMatch(/^memory: not known before the model is fetched: .* no size /m);
  const { fit, fitUnknown } = lastJson(await asker.run(...asked, "--json"));
  expect(fit).toBeUndefined();
  expect(fitUnknown).toMatch(/tells no size of m-1\.0-py3-none-any\.whl/);
});

it.each(["llamacpp", "embedded"])(
  "%s with a model that is not to be had is exit 6 with nothing pulled",
  async (engine) => {
    await writeFile(join(cli.home, "other.gguf"), "GGU");
    const models = [
      [`ollama:${registry.address}/other:t`, /has no ollama:/],
      ["file:none.gguf", /no file .*none\.gguf/],
      ["file:other.gguf", /not a GGUF/],
    ] as const;
    for (const [model, what] of models) {
      for (const more of [[], ["--dry-run"]]) {
        const result = await cli.run("up", engine, "--model", model, "--json", ...more);
        expect(result.exitCode).toBe(6);
        const told = { code: "MODEL_UNAVAILABLE", what: expect.stringMatching(what) };
        expect(lastJson(result)).toMatchObject(told);
      }
    }
    expect(docker.requests.filter(({ method }) => method === "POST")).toEqual([]);
  },
);

it.each([[], ["--dry-run"]])(
  "what the catalog knows is not here for that: --offline %j",
  async (...more) => {
    const result = await cli.run("up", "--model", "qwen3:4b", "--offline", "--json", ...more);
    expect(lastJson(result)).toMatchObject({
      code: "MODEL_UNAVAILABLE",
      exitCode: 6,
      why: "The setting `offline` is on.",
    });
  },
);
