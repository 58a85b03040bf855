import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connect } from "../docker/connect.ts";
import type { Runtime } from "../docker/runtime.ts";
import { llamacpp } from "../engines/llamacpp.ts";
import type { Endpoint, GpuMeasured } from "../endpoint.ts";
import { LABEL } from "../plan/labels.ts";
import { fakeDocker, type FakeDocker } from "../testing/fake-docker.ts";
import { frame } from "../testing/fake-docker-state.ts";
import { testHost, type TestHost } from "../testing/test-host.ts";
import { checkGpuShare, gpuShareWarning, type GpuShare } from "./gpu-share.ts";
import { gpuStatus } from "./gpu-status.ts";

let docker: FakeDocker;
let test: TestHost;
let runtime: Runtime;
const labels = { [LABEL.name]: "default", [LABEL.engine]: "llamacpp", [LABEL.gpu]: "cdi:all" };

beforeEach(async () => {
  docker = await fakeDocker();
  test = await testHost({ env: { DOCKER_HOST: docker.host } });
  runtime = await connect(test.host, { signal: test.context.signal });
  docker.containers.set("engine", {
    id: "engine",
    name: "engine",
    body: { Image: "llamacpp", Labels: labels },
    networks: new Set(),
    archives: [],
    // Of the start, when all was well.
    log: [frame(2, "load_tensors: offloaded 29/29 layers to GPU\n")],
    status: "running",
    exitCode: 0,
    oomKilled: false,
    waiting: new Set(),
  });
});
afterEach(async () => {
  await test[Symbol.asyncDispose]();
  await docker[Symbol.asyncDispose]();
});

/** The program in the container answers so. */
function answers(answer: (response: ServerResponse) => void): void {
  docker.fault("POST /exec/", (_, response) => {
    response.writeHead(200, { "content-type": "application/vnd.docker.raw-stream" }).flushHeaders();
    answer(response);
  });
}

async function check(
  deadlineMs: number,
  endpoint?: ReturnType<typeof measured>,
): Promise<GpuShare | undefined> {
  const container = { id: "engine", labels, startedAt: undefined };
  return checkGpuShare(test.context, runtime, {
    engine: llamacpp,
    container,
    endpoint,
    deadlineMs,
  });
}

/** The engine of the stack was asked where its model is when it came up. */
function measured(gpu: GpuMeasured): Pick<Endpoint, "apiBase" | "apiKey" | "model" | "measured"> {
  return {
    apiBase: "http://127.0.0.1:9/v1",
    apiKey: "k",
    model: "m",
    measured: { ready: "first-token", context: { proof: "told" }, gpu },
  };
}

/** A day of requests. */
const DAY = Array.from({ length: 5000 }, (_, index) => frame(2, `slot launch: task ${index}\n`));

it("that hangs is unknown, whatever the log of the start says", async () => {
  answers(() => {});
  const found = await check(100);
  expect(found).toMatchObject({ state: "unknown", fault: { cause: "no-answer" } });
  expect(gpuShareWarning(found!)).toMatch(/no answer within 0\.1 s.*Next: nvidia-smi$/);
});

it.each([
  ["GPU 0: NVIDIA A (UUID: GPU-1)\n", { state: "on-gpu", share: 1 }],
  ["Failed to initialize NVML: Unknown Error\n", { state: "lost" }],
  // No tool in the image that can tell: the log is all there is.
  ["", { state: "on-gpu", share: 1 }],
])("that answers %j", async (output, expected) => {
  answers((response) => response.end(frame(1, output)));
  expect(await check(5000)).toMatchObject(expected);
});

it("is told by the beginning of the log, also after a day of requests", async () => {
  docker.containers.get("engine")!.log.push(...DAY);
  expect(await check(5000)).toMatchObject({ state: "on-gpu", share: 1 });
});

describe("where the log of the start is no more", () => {
  beforeEach(() => {
    docker.containers.get("engine")!.log.splice(0, 1, ...DAY);
  });

  it.each<[string, GpuMeasured, object]>([
    ["all", { state: "on-gpu", share: 1 }, { state: "on-gpu", share: 1 }],
    ["a part", { state: "partly", share: 0.5 }, { state: "partly", share: 0.5 }],
    ["none", { state: "on-cpu", share: 0 }, { state: "on-cpu", fault: { next: "stack logs" } }],
    ["nothing", { state: "unknown" }, { state: "unknown" }],
  ])("what was measured when it came up is told: %s", async (_title, gpu, expected) => {
    answers((response) => response.end(frame(1, "GPU 0: NVIDIA A (UUID: GPU-1)\n")));
    expect(await check(5000, measured(gpu))).toMatchObject(expected);
  });

  it("is lost all the same when the device is", async () => {
    answers((response) => response.end(frame(1, "Failed to initialize NVML: Unknown Error\n")));
    const found = await check(5000, measured({ state: "on-gpu", share: 1 }));
    expect(found).toMatchObject({ state: "lost" });
  });
});

it("of a container in which nothing can be run is told by the log", async () => {
  docker.fault("POST /containers/engine/exec", (_, response) => {
    response.writeHead(500, { "content-type": "application/json" }).end('{"message":"no shell"}');
  });
  expect(await check(5000)).toMatchObject({ state: "on-gpu" });
});

it("that sleeps between uses is given the time to wake", async () => {
  answers((response) => {
    void sleep(700).then(() => response.end(frame(1, "GPU 0: NVIDIA A (UUID: GPU-1)\n")));
  });
  const containers = await runtime.containers.list({ [LABEL.name]: "default" });
  const none = { endpoint: undefined, process: undefined, adopted: undefined };
  const parts = { name: "default", runsIn: "containers", seen: true, ...none } as const;
  expect(await gpuStatus(test.context, { ...parts, containers })).toEqual({
    state: "on-gpu",
    share: 1,
  });
});
