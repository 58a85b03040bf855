import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { vllm } from "../engines/vllm.ts";
import { GATEWAY_IMAGE } from "../offline/gateway-container.ts";
import { fakeDocker, type FakeDocker } from "../testing/fake-docker.ts";
import {
  type CliResult,
  lastJson,
  type StackCommand,
  stackCommand,
} from "../testing/stack-command.ts";
import { TINY_SNAPSHOT } from "../testing/tiny-snapshot.ts";

let docker: FakeDocker;
let cli: StackCommand;
let snapshot: string;

beforeEach(async () => {
  docker = await fakeDocker();
  docker.images.set(vllm.image.built, "sha256:1");
  docker.images.set(GATEWAY_IMAGE.built, "sha256:2");
  cli = await stackCommand({ DOCKER_HOST: docker.host });
  snapshot = join(cli.home, "base");
  await mkdir(snapshot);
  const { "chat_template.jinja": _, ...files } = TINY_SNAPSHOT;
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(snapshot, name), content);
  }
});
afterEach(async () => {
  await cli[Symbol.asyncDispose]();
  await docker[Symbol.asyncDispose]();
});

const up = (...more: readonly string[]): Promise<CliResult> =>
  cli.run("up", "vllm", "--model", `file:${snapshot}`, "--context", "1024", "--json", ...more);
const made = (): readonly string[] =>
  docker.requests
    .filter(({ method, path }) => method === "POST" && path.endsWith("/create"))
    .map(({ path }) => path);

it("a snapshot without a chat template is refused before anything is made, and once it is known before any step", async () => {
  for (const again of [false, true]) {
    const result = await up();
    expect(result.exitCode).toBe(6);
    expect(lastJson(result)).toMatchObject({
      code: "MODEL_UNAVAILABLE",
      why: expect.stringContaining("no chat template"),
      next: expect.stringContaining("--chat-template"),
    });
    expect(made()).toEqual([]);
    expect(result.stdout.includes('"step-started"')).toBe(!again);
  }
  expect((await up("--dry-run")).exitCode).toBe(6);
});

it("with a template of the user's it is started", async () => {
  // Nothing runs in the fake daemon: how far it got is what counts.
  await up("--timeout", "1", "--", "--chat-template", "{{ messages[0].content }}");
  expect(made()).toContain("/containers/create");
});
