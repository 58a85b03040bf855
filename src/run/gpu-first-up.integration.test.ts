import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { vllm } from "../engines/vllm.ts";
import { GATEWAY_IMAGE } from "../offline/gateway-container.ts";
import { fakeDocker, type FakeDocker } from "../testing/fake-docker.ts";
import { json } from "../testing/fake-docker-state.ts";
import { answerPreflight, SEES_GPU } from "../testing/fake-preflight.ts";
import {
  type CliResult,
  lastJson,
  type StackCommand,
  stackCommand,
} from "../testing/stack-command.ts";
import { TINY_SNAPSHOT } from "../testing/tiny-snapshot.ts";

const CUDA = `${vllm.acceleratedImages.cuda.repository}:${vllm.acceleratedImages.cuda.tag}`;
const CPU = `${vllm.image.repository}:${vllm.image.tag}`;
const GATEWAY = `${GATEWAY_IMAGE.repository}:${GATEWAY_IMAGE.tag}`;
/** As in `src/plan/gpu/causes.test.ts`. */
const REFUSAL = 'could not select device driver "nvidia" with capabilities: [[gpu]]';

let docker: FakeDocker;
let cli: StackCommand;
let snapshot: string;

beforeEach(async () => {
  docker = await fakeDocker({ runtimes: ["nvidia"] });
  cli = await stackCommand({ DOCKER_HOST: docker.host });
  snapshot = join(cli.home, "tiny");
  await mkdir(snapshot);
  for (const [name, content] of Object.entries(TINY_SNAPSHOT)) {
    await writeFile(join(snapshot, name), content);
  }
});
afterEach(async () => {
  await cli[Symbol.asyncDispose]();
  await docker[Symbol.asyncDispose]();
});

/** Nothing runs in the fake daemon, so none of these gets through the gate. */
const up = (...more: readonly string[]): Promise<CliResult> =>
  cli.run(
    "up",
    "vllm",
    `--model=file:${snapshot}`,
    "--context=1024",
    "--timeout=1",
    "--json",
    ...more,
  );
const pulled = (): readonly string[] =>
  docker.requests
    .filter(({ method, path }) => method === "POST" && path === "/images/create")
    .map(({ query }) => query.get("fromImage") ?? "");
const created = (): readonly { readonly name: string; readonly Image: string }[] =>
  docker.requests
    .filter(({ method, path }) => method === "POST" && path === "/containers/create")
    .map(({ query, body }) => ({
      name: query.get("name")?.replace(/-gpu-.*/, "-gpu") ?? "",
      ...(JSON.parse(body.toString()) as { Image: string }),
    }));
const refuse = (container: string): void =>
  docker.fault(`POST /containers/container-stack-default-${container}`, (_, response) =>
    json(response, 500, { message: REFUSAL }),
  );

describe("where no image is here yet", () => {
  it("a GPU that was demanded is tried in the engine's image as soon as that is here, and exit 4", async () => {
    refuse("gpu");
    const result = await up("--gpu", "all");
    expect(lastJson(result)).toMatchObject({
      code: "GPU_UNUSABLE",
      exitCode: 4,
      detail: [REFUSAL, "cause: daemon-not-configured"],
    });
    expect(created()).toMatchObject([{ name: "stack-default-gpu", Image: CUDA }]);
    expect(result.stdout).not.toContain('"step-started","id":"model');
  });

  it("auto goes on without it, aloud, with the image for processors", async () => {
    refuse("gpu");
    const { stdout } = await up();
    expect(stdout).toMatch(/"type":"warning","message":"The GPU is not used.*daemon-not-config/);
    expect(pulled()).toEqual([CUDA, GATEWAY, CPU]);
    expect(created()).toMatchObject([
      { name: "stack-default-gpu", Image: CUDA },
      { name: "stack-default-engine", Image: CPU },
      { name: "stack-default-gateway", Image: GATEWAY },
    ]);
  });

  it("what an image shows that is here already needs no download", async () => {
    docker.images.set(GATEWAY, "sha256:2");
    refuse("gpu");
    expect((await up("--gpu", "all")).exitCode).toBe(4);
    expect(pulled()).toEqual([]);
  });
});

it("the daemon's refusal to start the engine with a GPU is told as what is wrong with it", async () => {
  answerPreflight(docker, "default", SEES_GPU);
  refuse("engine/start");
  const result = await up("--gpu", "all");
  expect(result.exitCode).toBe(4);
  expect(lastJson(result)).toMatchObject({
    code: "GPU_UNUSABLE",
    next: expect.stringContaining("nvidia-ctk runtime configure"),
  });
  expect(docker.containers.size).toBe(0);
});
