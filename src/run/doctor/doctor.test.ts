import { describe, expect, it, test } from "vitest";
import type { DaemonFacts } from "../../docker/runtime.ts";
import { StackError } from "../../errors.ts";
import { NO_HOST_GPU } from "../../plan/gpu/host-gpu.ts";
import type { GpuFault, GpuVerdict } from "../../plan/gpu/verdict.ts";
import { settingsSchema, type ResolvedSettings } from "../../plan/settings.ts";
import { testHost } from "../../testing/test-host.ts";
import { doctor } from "../doctor.ts";
import type { Check, Finding } from "./check.ts";
import { diskFinding, readOnlyFinding } from "./disk.ts";
import { dockerFindings, unreachableFinding } from "./docker.ts";
import { gpuFinding, withoutDaemon } from "./gpu.ts";
import { isolationFinding } from "./isolation.ts";
import { nodeFinding } from "./node.ts";
import { type RunningEngine, securityFindings } from "./security.ts";
import { answerFinding } from "./sources.ts";

const facts: DaemonFacts = {
  address: "unix:///var/run/docker.sock",
  local: true,
  product: "docker",
  version: "28.5.2",
  apiVersion: "1.51",
  os: "Debian",
  arch: "x86_64",
  rootless: false,
  cgroupVersion: "2",
  storageDriver: "overlay2",
  memoryBytes: 8e9,
  cpus: 2,
  isolatedNetworks: true,
  gatewayModes: true,
  runtimes: ["runc"],
  cdiSpecDirs: [],
  discoveredDevices: [],
};

test.each([
  ["28.5.2", []],
  ["29.0.0-rc.1", []],
  ["27.5.1", ["moby#45610"]],
  ["26.0.0", ["moby#45610"]],
  ["25.0.5", ["moby#45610"]],
  ["25.0.4", ["moby#45610", "CVE-2024-29018"]],
  ["24.0.9", ["moby#45610", "CVE-2024-29018"]],
  ["23.0.11", ["moby#45610"]],
  ["20.10.24+dfsg1", ["moby#45610", "CVE-2024-29018"]],
  ["dev", []],
])("Engine %s has known holes %j", (version, holes) => {
  const warnings = dockerFindings({ ...facts, version }).filter((each) => each.status !== "ok");
  expect(warnings.map(({ summary }) => /moby#\d+|CVE-[\d-]+/.exec(summary)?.[0])).toEqual(holes);
});

test("Podman's versions are not Docker's", () => {
  expect(dockerFindings({ ...facts, product: "podman", version: "5.8.0" })).toEqual([
    { status: "ok", summary: "podman 5.8.0 at unix:///var/run/docker.sock (overlay2)" },
  ]);
});

const status = ({ status, code }: Finding): string =>
  code === undefined ? status : `${status} ${code}`;

describe("verdicts", () => {
  const error = new StackError("DOCKER_UNREACHABLE", { what: "No daemon.", next: "start it" });
  const fault = (state: GpuFault["state"]): GpuFault => ({
    state,
    cause: "toolkit-missing",
    why: "The toolkit is missing.",
    evidence: [],
    next: "pnpm setup:gpu",
  });
  const asked = {
    devices: [{ driver: "cdi", ids: ["nvidia.com/gpu=all"] }],
    fault: undefined,
  } as const;
  const not = (state: GpuFault["state"]) => ({ devices: [], fault: fault(state) });
  const sees: GpuVerdict = {
    state: "usable",
    accelerator: "cuda",
    devices: [],
    evidence: ["GPU 0"],
  };
  const card = { ...NO_HOST_GPU, nvidia: { ...NO_HOST_GPU.nvidia, hardware: true } };

  it.each<[string, Finding, string]>([
    ["no daemon, embedded engine", unreachableFinding(error, false), "warning"],
    [
      "no daemon, engine in a container",
      unreachableFinding(error, true),
      "failed DOCKER_UNREACHABLE",
    ],
    ["isolation", isolationFinding(true, true), "ok"],
    ["no isolation", isolationFinding(false, false), "warning"],
    ["no isolation, required", isolationFinding(false, true), "failed NETWORK_LEAK"],
    ["Node 24", nodeFinding("v24.1.0"), "ok"],
    ["Node 22", nodeFinding("v22.1.0"), "warning"],
    ["disk full", diskFinding("/s", 1e8, true), "failed DOES_NOT_FIT"],
    ["disk full, nothing to fetch", diskFinding("/s", 1e8, false), "warning"],
    ["disk small", diskFinding("/s", 5e9, true), "warning"],
    ["disk large", diskFinding("/s", 5e10, true), "ok"],
    ["store that can't be written", readOnlyFinding("/s", true), "failed DOES_NOT_FIT"],
    ["the same, nothing to fetch", readOnlyFinding("/s", false), "warning"],
    ["no GPU", gpuFinding("auto", not("absent"), undefined), "ok"],
    ["no GPU, wanted", gpuFinding("all", not("absent"), undefined), "failed GPU_UNUSABLE"],
    ["GPU that nobody asked for", gpuFinding("auto", not("unasked"), undefined), "ok"],
    ["GPU without toolkit", gpuFinding("auto", not("broken"), undefined), "warning"],
    [
      "GPU without toolkit, wanted",
      gpuFinding(["0"], not("broken"), undefined),
      "failed GPU_UNUSABLE",
    ],
    ["GPU without Docker", withoutDaemon("auto", card), "ok"],
    ["GPU without Docker, wanted", withoutDaemon("all", card), "failed DOCKER_UNREACHABLE"],
    ["GPU, no image to try it in", gpuFinding("auto", asked, undefined), "ok"],
    ["the same, wanted", gpuFinding("all", asked, undefined), "warning"],
    ["GPU that a container sees", gpuFinding("all", asked, sees), "ok"],
    ["GPU that a container does not see", gpuFinding("auto", asked, fault("broken")), "warning"],
    ["the same, wanted", gpuFinding("all", asked, fault("broken")), "failed GPU_UNUSABLE"],
    ["source answers 404", answerFinding({ title: "x", url: "https://h/" }, 404, 5, true), "ok"],
    [
      "source answers 503",
      answerFinding({ title: "x", url: "https://h/" }, 503, 5, false),
      "warning",
    ],
    [
      "proxy wants a password",
      answerFinding({ title: "x", url: "https://h/" }, 407, 5, true),
      "failed MODEL_UNAVAILABLE",
    ],
  ])("%s", (_, finding, expected) => {
    expect(status(finding)).toBe(expected);
    // Whatever is wrong has one fix.
    expect(finding.fix === undefined).toBe(["ok", "skipped"].includes(finding.status));
  });
});

test("a card whose driver says nothing is told of with what was said instead", () => {
  const complaint = "nvidia-smi gave no answer within 2.5 s.";
  const card = { ...NO_HOST_GPU, nvidia: { ...NO_HOST_GPU.nvidia, hardware: true, complaint } };
  expect(withoutDaemon("auto", card)).toEqual({
    status: "ok",
    summary: "an NVIDIA GPU",
    detail: [complaint],
  });
});

it.each([
  ["stack up embedded", /^install Docker .* or set DOCKER_HOST$/],
  [undefined, /^install Docker .* or set DOCKER_HOST$/],
  ["sudo systemctl start docker", /^sudo systemctl start docker$/],
])("what mends a daemon that is missing is no way around it: %j", (next, fix) => {
  const unreachable = new StackError("DOCKER_UNREACHABLE", { what: "No daemon.", next });
  expect(unreachableFinding(unreachable, false)).toMatchObject({ fix: expect.stringMatching(fix) });
});

describe("the security floor", () => {
  const ollama: RunningEngine = {
    stack: "work",
    engine: "ollama",
    adopted: false,
    image: "stack/ollama:0.17.4",
    version: "0.17.4",
  };
  const newer = "--image ollama/ollama:0.40.2";

  it.each<[string, readonly RunningEngine[], readonly string[], readonly (string | undefined)[]]>([
    ["nothing in use", [], [], [undefined]],
    [
      "an engine that reports an old version",
      [ollama],
      [],
      [`stack up ollama --name work ${newer}`],
    ],
    [
      "one that reports none, by its tag",
      [{ ...ollama, version: undefined, stack: "default" }],
      [],
      [`stack up ollama ${newer}`],
    ],
    [
      "one of an image without a version, by its report",
      [{ ...ollama, image: "my/ollama" }],
      [],
      [`stack up ollama --name work ${newer}`],
    ],
    [
      "a new one",
      [{ ...ollama, image: "ollama/ollama:0.40.2", version: "0.40.2" }],
      [],
      [undefined],
    ],
    [
      "an old one that is adopted",
      [{ ...ollama, adopted: true, image: undefined }],
      [],
      ["update it to 0.35.0 or newer"],
    ],
    ["software without a floor", [{ ...ollama, engine: "lmstudio" }], [], [undefined]],
    [
      "locked images",
      [],
      [
        "stack/ollama:0.17.4",
        "registry.site:5000/ollama/ollama:0.30.1",
        "stack/haproxy:3.0.11",
        "stack/llamacpp:0.7.0",
        "ghcr.io/ggml-org/llama.cpp:server-cuda13-b9000",
        "vllm/vllm-openai@sha256:00",
        "my/own:0.1",
      ],
      [
        `stack up ollama ${newer}`,
        `stack up ollama ${newer}`,
        "stack up llamacpp --image ghcr.io/ggml-org/llama.cpp:server-v0.7.0",
      ],
    ],
  ])("%s", (_title, running, locked, fixes) => {
    const findings = securityFindings(running, locked);
    expect(findings.map(({ fix }) => fix)).toEqual(fixes);
    for (const { status, fix } of findings) {
      expect(status).toBe(fix === undefined ? "ok" : "warning");
    }
  });
});

describe("doctor", () => {
  const resolved = async (): Promise<ResolvedSettings> => ({
    values: settingsSchema.parse({}),
    origins: {} as ResolvedSettings["origins"],
  });
  const check = (id: string, run: Check["run"], deadlineMs = 5000): Check => ({
    id,
    title: id,
    deadlineMs,
    run,
  });

  it("goes on when a check throws, hangs, or the settings are wrong", async () => {
    await using rig = await testHost();
    const report = await doctor(
      rig.context,
      () => Promise.reject(new StackError("USAGE", { what: "bad key" })),
      [
        check("throws", () => Promise.reject(new Error("boom"))),
        check("hangs", () => new Promise(() => {}), 10),
        check("fine", async () => [{ status: "ok", summary: "yes" }]),
      ],
    );
    expect(report.findings.map((each) => [each.check, each.status, each.summary])).toEqual([
      ["settings", "failed", "bad key"],
      ["throws", "warning", "boom"],
      ["hangs", "warning", "gave no answer within 0.01 s"],
      ["fine", "ok", "yes"],
    ]);
    expect([report.ok, report.exitCode]).toEqual([false, 2]);
  });

  it("exits with the status of the first failure, and 0 for warnings", async () => {
    await using rig = await testHost();
    const failed = (code: "GPU_UNUSABLE" | "PORT_BUSY"): Check =>
      check(code, async () => [{ status: "failed", code, summary: "", fix: "" }]);
    const warned = check("w", async () => [{ status: "warning", summary: "", fix: "" }]);
    const exit = async (checks: Check[]) => (await doctor(rig.context, resolved, checks)).exitCode;
    expect(await exit([warned])).toBe(0);
    expect(await exit([warned, failed("PORT_BUSY"), failed("GPU_UNUSABLE")])).toBe(5);
  });

  it("stops when it is interrupted", async () => {
    await using rig = await testHost();
    const running = doctor(rig.context, resolved, [check("hangs", () => new Promise(() => {}))]);
    rig.abort.abort(new StackError("INTERRUPTED", { what: "stop" }));
    await expect(running).rejects.toMatchObject({ code: "INTERRUPTED" });
  });
});
