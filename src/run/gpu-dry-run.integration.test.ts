import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connect } from "../docker/connect.ts";
import { llamacpp } from "../engines/llamacpp.ts";
import { GATEWAY_IMAGE } from "../offline/gateway-container.ts";
import { LABEL } from "../plan/labels.ts";
import type { GpuPolicy } from "../plan/gpu/policy.ts";
import { fakeDocker, type FakeDocker } from "../testing/fake-docker.ts";
import {
  type CliResult,
  lastJson,
  type StackCommand,
  stackCommand,
} from "../testing/stack-command.ts";
import { type TestHost, testHost } from "../testing/test-host.ts";
import { settleGpu } from "./gpu.ts";

let docker: FakeDocker;
beforeEach(async () => {
  docker = await fakeDocker({ runtimes: ["nvidia"] });
  docker.images.set(llamacpp.image.built, "sha256:1");
  docker.images.set(GATEWAY_IMAGE.built, "sha256:2");
});
afterEach(() => docker[Symbol.asyncDispose]());

const created = (): readonly string[] =>
  docker.requests
    .filter(({ method, path }) => method === "POST" && path === "/containers/create")
    .map(({ query }) => query.get("name") ?? "");

describe("a dry run where the daemon offers a GPU", () => {
  let cli: StackCommand;
  beforeEach(async () => {
    cli = await stackCommand({ DOCKER_HOST: docker.host });
  });
  afterEach(() => cli[Symbol.asyncDispose]());
  const dryRun = (...more: readonly string[]): Promise<CliResult> =>
    cli.run("up", "llamacpp", "--dry-run", ...more);

  it.each(["auto", "all"])("with --gpu %s asks nothing of the daemon but facts", async (policy) => {
    const result = await dryRun("--gpu", policy, "--json");
    expect(result.exitCode).toBe(0);
    expect(lastJson(result)).toMatchObject({
      dryRun: true,
      gpu: { accelerator: "cuda", request: "nvidia-runtime:all", tried: false },
    });
    expect(docker.requests.filter(({ method }) => method !== "GET")).toEqual([]);
  });

  it("says in words that the GPU was not tried", async () => {
    const { stdout } = await dryRun();
    expect(stdout).toMatch(/^gpu: cuda \(nvidia-runtime:all\), not tried/m);
  });

  it("says nothing of a GPU that is not to be used", async () => {
    expect(lastJson(await dryRun("--gpu", "none", "--json"))).not.toHaveProperty("gpu");
  });
});

it("a GPU that was demanded and is not offered is exit 4 without a container", async () => {
  await using plain = await fakeDocker();
  await using cli = await stackCommand({ DOCKER_HOST: plain.host });
  const result = await cli.run("up", "llamacpp", "--gpu", "all", "--dry-run", "--json");
  expect([result.exitCode, lastJson(result)["code"]]).toEqual([4, "GPU_UNUSABLE"]);
});

describe("what is settled without a container", () => {
  let test: TestHost;
  beforeEach(async () => {
    test = await testHost({ env: { DOCKER_HOST: docker.host } });
  });
  afterEach(() => test[Symbol.asyncDispose]());

  const REFUSED = "The GPU is not used, the processor computes: the driver is too old (…)";
  const settle = async (
    mayTry: boolean,
    more: { policy?: GpuPolicy; told?: readonly string[]; label?: string } = {},
  ) => {
    const runtime = await connect(test.host, { signal: test.context.signal });
    const container = {
      state: "running",
      imageId: "sha256:1",
      labels: more.label === undefined ? {} : { [LABEL.gpu]: more.label },
    };
    return settleGpu(test.context, runtime, {
      stack: "default",
      policy: more.policy ?? "auto",
      engine: llamacpp,
      daemon: await runtime.facts(),
      containers: [container] as unknown as Parameters<typeof settleGpu>[2]["containers"],
      images: () => [llamacpp.image.built],
      mayTry,
      told: more.told ?? [],
    });
  };

  it.each<readonly [string, Parameters<typeof settle>[1], string, boolean]>([
    [
      "a GPU that runs already is known to be usable",
      { label: "nvidia-runtime:all" },
      "cuda",
      true,
    ],
    ["one that was refused when this was started stays refused", { told: [REFUSED] }, "cpu", false],
    ["unless it is demanded now", { told: [REFUSED], policy: "all" }, "cuda", false],
    ["one of which nothing is known is planned for", {}, "cuda", false],
  ])("%s", async (_title, more, accelerator, tried) => {
    expect(await settle(false, more)).toMatchObject({ accelerator, tried });
    expect(created()).toEqual([]);
  });

  it("with leave to try it, a container is given the GPU", async () => {
    docker.fault("POST /containers/container-stack-default-gpu", (request, response) => {
      if (request.path.endsWith("/wait")) response.end('{"StatusCode":0}');
      else response.writeHead(204).end();
    });
    await settle(true, { told: [REFUSED] });
    expect(created()).toEqual([expect.stringMatching(/^stack-default-gpu-/)]);
  });
});
