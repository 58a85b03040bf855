import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { composeFiles } from "./compose.ts";
import { composeService } from "./compose-service.ts";
import { createBody } from "./container-body.ts";
import type { ContainerSpec } from "./runtime.ts";

describe("the committed files", () => {
  it.each(Object.entries(composeFiles()))(
    "%s is what the code makes: run `pnpm compose`",
    (name, text) => {
      const file = join(import.meta.dirname, "..", "..", "compose", name);
      expect(readFileSync(file, "utf8")).toBe(text);
    },
  );

  it.each(["ollama.yaml", "llamacpp.yaml", "vllm.yaml", "sglang.yaml"])(
    "%s has every service hardened",
    (name) => {
      const { services } = parse(composeFiles()[name] ?? "");
      for (const service of ["engine", "gateway"]) {
        expect(services[service]).toMatchObject({
          cap_drop: ["ALL"],
          security_opt: ["no-new-privileges"],
          read_only: true,
          user: expect.stringContaining("65532:65532"),
          pids_limit: expect.any(Number),
        });
      }
      expect(services.engine).not.toHaveProperty("ports");
      expect(services.gateway.ports).toEqual(["127.0.0.1:${STACK_PORT:-11435}:8080"]);
    },
  );
});

it.each([
  ["ollama.yaml", "with an NVIDIA GPU -f compose/gpu.yaml", "ollama/ollama:"],
  [
    "llamacpp.yaml",
    "export STACK_ENGINE_IMAGE=ghcr.io/ggml-org/llama.cpp:server-cuda",
    ":server-v",
  ],
  ["vllm.yaml", "-f compose/vllm.yaml -f compose/gpu.yaml up", "vllm/vllm-openai:"],
  ["sglang.yaml", "-f compose/sglang.yaml -f compose/gpu.yaml up", "lmsysorg/sglang:"],
])("%s says what computes on an NVIDIA GPU: %s", (name, words, image) => {
  const text = composeFiles()[name] ?? "";
  expect(text.slice(0, text.indexOf("\nname:"))).toContain(words);
  expect(parse(text).services.engine.image).toContain(image);
});

it.each([
  ["vllm.yaml", "--tensor-parallel-size"],
  ["sglang.yaml", "--tp-size"],
])("%s deals the model out to as many GPUs as are named", (name, flag) => {
  const { engine } = parse(composeFiles()[name] ?? "").services;
  const { command } = engine as { command: string[] };
  expect(command.filter((each) => each === flag)).toHaveLength(1);
  expect(command[command.indexOf(flag) + 1]).toBe("${STACK_GPU_COUNT:-1}");
  expect(engine.shm_size).toBe("${STACK_SHM:-1g}");
});

it.each([
  ["vllm.yaml", 4096],
  ["sglang.yaml", 4096],
  ["ollama.yaml", 2048],
  ["llamacpp.yaml", 2048],
])(
  "%s has threads for a large machine, with the processes of as many GPUs as may be named",
  (name, most) => {
    const { engine } = parse(composeFiles()[name] ?? "").services;
    expect(engine.pids_limit).toBe(most);
  },
);

it("one specification says the same to Compose and to the daemon", () => {
  const spec: ContainerSpec = {
    name: "c",
    image: "i:1",
    labels: {},
    entrypoint: ["e"],
    command: ["c"],
    env: { A: "1" },
    user: "1:2",
    network: "n",
    extraNetworks: [],
    networkAliases: [],
    ports: [{ hostIp: "127.0.0.1", hostPort: 1, containerPort: 2 }],
    mounts: [{ kind: "bind", source: "/s", target: "/t", readOnly: true }],
    tmpfs: { "/tmp": "size=1m" },
    memoryBytes: 3,
    pidsLimit: 4,
    shmBytes: 5,
    stopSeconds: 6,
    restart: "no",
    dns: ["127.0.0.1"],
    devices: [],
  };
  const service = composeService(spec, {});
  expect(createBody(spec, true)).toMatchObject({
    Image: service["image"],
    Entrypoint: service["entrypoint"],
    Cmd: service["command"],
    User: service["user"],
    HostConfig: {
      CapDrop: service["cap_drop"],
      SecurityOpt: service["security_opt"],
      ReadonlyRootfs: service["read_only"],
      IpcMode: service["ipc"],
      PidsLimit: service["pids_limit"],
      Memory: service["mem_limit"],
      MemorySwap: service["memswap_limit"],
      ShmSize: service["shm_size"],
      Dns: service["dns"],
      RestartPolicy: { Name: service["restart"] },
      LogConfig: { Config: (service["logging"] as { options: object }).options },
    },
  });
});
