import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ContainerFacts, Runtime } from "../docker/runtime.ts";
import { GATEWAY_IMAGE } from "../offline/gateway-container.ts";
import { decideGpu } from "../plan/gpu/decide.ts";
import { LABEL } from "../plan/labels.ts";
import { requireDocker } from "../testing/require-docker.ts";
import {
  type CliResult,
  lastJson,
  type StackCommand,
  stackCommand,
} from "../testing/stack-command.ts";
import type { RECORDINGS } from "../testing/stub-gpu/recordings.ts";
import { canStubGpu, type StubGpu, stubGpu, type Way } from "../testing/stub-gpu/rig.ts";
import { testHost } from "../testing/test-host.ts";
import { gpuPreflight } from "./gpu-preflight.ts";

const run = promisify(execFile);
const NAME = "e2e-gpu";
const IMAGE = "stack/ollama:0.17.4";
const CUDA_IMAGE = "stack-e2e/cuda:12.8";

const docker = await requireDocker();
const possible: Readonly<Record<Way, boolean>> = {
  cdi: docker !== undefined && (await canStubGpu(docker, "cdi")),
  runtime: docker !== undefined && (await canStubGpu(docker, "runtime")),
};
/** Only reached where there is a daemon. */
const runtime = docker as Runtime;

/** What is wrong, or how many GPUs the container sees. */
async function preflight(image: string): Promise<string> {
  await using rig = await testHost();
  const daemon = await runtime.facts();
  const decision = decideGpu({
    policy: "all",
    accelerators: ["cuda"],
    daemon,
    host: undefined,
  });
  const { devices, accelerator } = decision;
  const verdict = await gpuPreflight(rig.context, runtime, {
    stack: NAME,
    image,
    devices,
    accelerator,
  });
  return verdict.state === "usable"
    ? `usable ${verdict.devices.length}`
    : `${verdict.state} ${verdict.cause}`;
}

describe.skipIf(docker === undefined)("a GPU", () => {
  let cli: StackCommand;
  let model: string;
  let registry: string;

  const up = (...more: readonly string[]): Promise<CliResult> =>
    cli.run("up", "ollama", "--name", NAME, "--model", model, "--json", ...more);
  const status = async (): Promise<Record<string, unknown>> =>
    lastJson(await cli.run("status", "--name", NAME, "--json"));
  const engine = async (): Promise<ContainerFacts> => {
    const found = await runtime.containers.list({ [LABEL.name]: NAME, [LABEL.role]: "engine" });
    return found[0] as ContainerFacts;
  };
  const inEngine = async (...words: readonly string[]): Promise<string> =>
    (await runtime.containers.exec((await engine()).id, words)).output;
  const warnings = ({ stdout }: CliResult): readonly string[] =>
    stdout
      .split("\n")
      .filter((line) => line.includes('"type":"warning"'))
      .filter((line) => line.includes("GPU"));
  const preflightsLeft = (): Promise<readonly ContainerFacts[]> =>
    runtime.containers.list({ [LABEL.preflight]: "" });

  beforeAll(async () => {
    const { stdout } = await run("node", ["scripts/test-registry.ts", "start"]);
    ({ model, address: registry } = JSON.parse(stdout) as { model: string; address: string });
    cli = await stackCommand();
    const dockerfile = `FROM ${IMAGE}\nENV CUDA_VERSION=12.8.1\n`;
    await runtime.images.build({
      tag: CUDA_IMAGE,
      context: [{ name: "Dockerfile", content: dockerfile }],
      buildArgs: {},
      onLine: () => {},
      signal: AbortSignal.timeout(60_000),
    });
  });
  afterEach(async () => {
    await cli.run("down", "--name", NAME);
    expect(await preflightsLeft()).toEqual([]);
  });
  afterAll(async () => {
    await cli[Symbol.asyncDispose]();
    await run("docker", ["rmi", "--force", CUDA_IMAGE]);
  });

  it("that the daemon does not offer is no word with auto, and exit 4 when it is wanted", async () => {
    const wanted = await up("--gpu", "all");
    expect(lastJson(wanted)).toMatchObject({ type: "error", code: "GPU_UNUSABLE", exitCode: 4 });
    expect(wanted.exitCode).toBe(4);
    expect(await engine()).toBeUndefined();

    const auto = await up();
    expect([auto.exitCode, warnings(auto)]).toEqual([0, []]);
    expect(await status()).not.toHaveProperty("gpu");
  });

  describe.each(["cdi", "runtime"] as const)("by %s", (way) => {
    describe.skipIf(!possible[way])("on this engine", () => {
      let gpu: StubGpu;
      beforeEach(async () => {
        gpu = await stubGpu(runtime, way);
      });
      afterEach(async () => {
        // Before the runtime goes: without it the daemon could not end what it runs.
        await cli.run("down", "--name", NAME);
        await gpu[Symbol.asyncDispose]();
      });

      it.each<[keyof typeof RECORDINGS, string, string]>([
        ["one GPU", IMAGE, "usable 1"],
        ["two GPUs", IMAGE, "usable 2"],
        ["old driver", CUDA_IMAGE, "broken driver-too-old-for-image"],
        ["one GPU", CUDA_IMAGE, "usable 1"],
        ["NVML: Unknown Error", IMAGE, "broken cgroup-driver"],
        ["NVML: mismatch", IMAGE, "broken nvml-error"],
        ["no devices", IMAGE, "broken no-devices"],
      ])("%s, in %s: %s", async (recording, image, expected) => {
        await gpu.says(recording);
        expect(await preflight(image)).toBe(expected);
      });

      it("is tried by the doctor in the image of the engine that is named", async () => {
        const doctor = async (...more: readonly string[]): Promise<string> => {
          const named = ["--engine", "ollama", ...more];
          const result = await cli.run("doctor", "--gpu", "all", "--json", ...named);
          const { findings } = lastJson(result) as { findings: { check: string }[] };
          return JSON.stringify(findings.find(({ check }) => check === "gpu"));
        };
        await gpu.says("old driver");
        expect(await doctor()).toContain(`tried in ${IMAGE}`);
        expect(await doctor("--image", CUDA_IMAGE)).toMatch(/"failed".*driver-too-old-for-image/);
      });

      it("that adds nothing any more", async () => {
        await gpu.empty();
        const cause = way === "cdi" ? "cdi-spec-stale" : "daemon-not-configured";
        expect(await preflight(IMAGE)).toBe(`broken ${cause}`);
      });

      it("is in the container, its loss is seen, and a restart brings it back", async () => {
        const first = await up();
        expect(first.exitCode).toBe(0);
        expect(await inEngine("ls", "/dev/nvidia0")).toBe("/dev/nvidia0");
        expect(await inEngine("nvidia-smi", "-L")).toContain("NVIDIA A10");
        expect(lastJson(first)).toMatchObject({
          endpoint: { measured: { gpu: { state: "on-cpu", share: 0 } } },
        });
        // The engine of this test is built for the processor: that, too, is seen.
        expect(warnings(first).join()).toContain("image-has-no-cuda");
        await expect.poll(status, { timeout: 20_000 }).toMatchObject({ gpu: { state: "on-cpu" } });
        const again = await up();
        expect(lastJson(again)).toMatchObject({ changed: false });

        await gpu.says("NVML: Unknown Error");
        await expect.poll(status, { timeout: 20_000 }).toMatchObject({
          state: "running",
          gpu: { state: "lost", warning: expect.stringContaining("stack restart") },
        });

        await gpu.says("one GPU");
        const restarted = await cli.run("restart", "--name", NAME, "--json");
        expect(restarted.exitCode).toBe(0);
        await expect.poll(status, { timeout: 20_000 }).toMatchObject({ gpu: { state: "on-cpu" } });
      });

      it("that is broken is not given to the container: aloud with auto, exit 4 when wanted", async () => {
        await gpu.says("NVML: mismatch");
        const wanted = await up("--gpu", "0");
        expect(lastJson(wanted)).toMatchObject({
          code: "GPU_UNUSABLE",
          exitCode: 4,
          next: "sudo reboot",
        });
        expect(await engine()).toBeUndefined();

        const auto = await up();
        expect(auto.exitCode).toBe(0);
        expect(warnings(auto).join()).toMatch(/nvml-error.*"next":"sudo reboot"/);
        expect(await inEngine("ls", "/dev")).not.toContain("nvidia");
        expect(await status()).not.toHaveProperty("gpu");

        // Mended: the next `up` takes it.
        await gpu.says("one GPU");
        expect((await up()).exitCode).toBe(0);
        expect(await inEngine("ls", "/dev")).toContain("nvidia0");
      });

      it("that is broken is found before a model is fetched, in images that are not here yet", async () => {
        const [image, gateway] = [`${registry}/e2e-gpu/ollama:1`, `${registry}/e2e-gpu/gateway:1`];
        const images = ["--image", image, "--gateway-image", gateway];
        const absent = async (): Promise<void> => {
          const format = ["--digests", "--format", "{{.Repository}}@{{.Digest}}"];
          const { stdout } = await run("docker", ["images", ...format]);
          const digests = stdout.split("\n").filter((each) => /\/e2e-gpu\/.*@sha256:/.test(each));
          await run("docker", ["rmi", "--force", image, gateway, ...digests]);
        };
        for (const [from, to] of [
          [IMAGE, image],
          [GATEWAY_IMAGE.built, gateway],
        ] as const) {
          await run("docker", ["tag", from, to]);
          await run("docker", ["push", "--quiet", to]);
        }
        await absent();
        await gpu.says("NVML: mismatch");
        try {
          const wanted = await up("--gpu", "all", ...images);
          expect(lastJson(wanted)).toMatchObject({ code: "GPU_UNUSABLE", next: "sudo reboot" });
          expect(wanted.stdout).toContain('"step-done","id":"image:engine"');
          expect(wanted.stdout).not.toContain('"step-started","id":"containers"');
          await absent();

          const auto = await up(...images);
          expect(auto.exitCode).toBe(0);
          expect(warnings(auto).join()).toContain("nvml-error");
          expect(await inEngine("ls", "/dev")).not.toContain("nvidia");
        } finally {
          await cli.run("down", "--name", NAME);
          await absent();
        }
      });

      it("that is wanted, and computes nothing, is exit 4 and leaves nothing", async () => {
        const result = await up("--gpu", "all");
        expect(lastJson(result)).toMatchObject({ code: "GPU_UNUSABLE", exitCode: 4 });
        expect(await engine()).toBeUndefined();
      });

      it("is not touched with none", async () => {
        const result = await up("--gpu", "none");
        expect(result.exitCode).toBe(0);
        expect(await inEngine("ls", "/dev")).not.toContain("nvidia");
      });
    });
  });
});
