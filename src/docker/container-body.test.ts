import { describe, expect, it } from "vitest";
import { createBody } from "./container-body.ts";
import type { ContainerSpec } from "./runtime.ts";

const spec: ContainerSpec = {
  name: "c",
  image: "i:1",
  labels: { a: "b" },
  command: ["serve"],
  env: { A: "1", B: "x=y" },
  user: "65532:65532",
  network: "one",
  extraNetworks: ["two"],
  networkAliases: ["engine"],
  ports: [{ hostIp: "127.0.0.1", hostPort: 4000, containerPort: 8080 }],
  mounts: [
    { kind: "bind", source: "/models", target: "/models", readOnly: true },
    { kind: "volume", source: "v", target: "/config", readOnly: false, labels: { l: "m" } },
  ],
  tmpfs: { "/tmp": "size=1m" },
  memoryBytes: 1024,
  pidsLimit: 9,
  shmBytes: 64,
  stopSeconds: 3,
  restart: "unless-stopped",
  dns: ["127.0.0.1"],
  devices: [
    { driver: "cdi", ids: ["nvidia.com/gpu=all"] },
    { driver: "nvidia", ids: ["0"] },
    { driver: "nvidia", ids: "all" },
  ],
};

describe("the body of a create request", () => {
  it("has the whole spec, and the hardening that is no option", () => {
    expect(createBody(spec, true)).toEqual({
      Image: "i:1",
      Labels: { a: "b" },
      Entrypoint: undefined,
      Cmd: ["serve"],
      Env: ["A=1", "B=x=y"],
      User: "65532:65532",
      ExposedPorts: { "8080/tcp": {} },
      StopTimeout: 3,
      Tty: false,
      OpenStdin: false,
      HostConfig: {
        NetworkMode: "one",
        CapDrop: ["ALL"],
        SecurityOpt: ["no-new-privileges"],
        ReadonlyRootfs: true,
        Privileged: false,
        IpcMode: "private",
        PidsLimit: 9,
        Memory: 1024,
        MemorySwap: 1024,
        ShmSize: 64,
        Tmpfs: { "/tmp": "size=1m" },
        Mounts: [
          { Type: "bind", Source: "/models", Target: "/models", ReadOnly: true },
          {
            Type: "volume",
            Source: "v",
            Target: "/config",
            ReadOnly: false,
            VolumeOptions: { NoCopy: true, Labels: { l: "m" } },
          },
        ],
        PortBindings: { "8080/tcp": [{ HostIp: "127.0.0.1", HostPort: "4000" }] },
        RestartPolicy: { Name: "unless-stopped" },
        LogConfig: { Type: "json-file", Config: { "max-size": "10m", "max-file": "3" } },
        Dns: ["127.0.0.1"],
        DeviceRequests: [
          { Driver: "cdi", DeviceIDs: ["nvidia.com/gpu=all"] },
          { Driver: "nvidia", DeviceIDs: ["0"], Capabilities: [["gpu"]] },
          { Driver: "nvidia", Count: -1, Capabilities: [["gpu"]] },
        ],
      },
      NetworkingConfig: { EndpointsConfig: { one: { Aliases: ["engine"] }, two: {} } },
    });
  });

  it.each<[string, ContainerSpec["devices"], object]>([
    [
      "NVIDIA's runtime",
      [{ driver: "nvidia-runtime", ids: ["0", "GPU-1"] }],
      {
        Env: [
          "A=1",
          "B=x=y",
          "NVIDIA_VISIBLE_DEVICES=0,GPU-1",
          "NVIDIA_DRIVER_CAPABILITIES=compute,utility",
        ],
        HostConfig: { Runtime: "nvidia", DeviceRequests: [] },
      },
    ],
    [
      "device nodes",
      [{ driver: "nodes", paths: ["/dev/kfd"], groups: [44, 993] }],
      {
        HostConfig: {
          Devices: [
            { PathOnHost: "/dev/kfd", PathInContainer: "/dev/kfd", CgroupPermissions: "rw" },
          ],
          GroupAdd: ["44", "993"],
          DeviceRequests: [],
        },
      },
    ],
  ])("gives a GPU by %s", (_, devices, expected) => {
    expect(createBody({ ...spec, devices }, true)).toMatchObject(expected);
  });

  it("names one network where the daemon takes no more", () => {
    expect(createBody(spec, false)).toMatchObject({
      NetworkingConfig: { EndpointsConfig: { one: { Aliases: ["engine"] } } },
    });
    expect(JSON.stringify(createBody(spec, false))).not.toContain('"two"');
  });

  it("has no memory limit where none is asked for", () => {
    expect(JSON.stringify(createBody({ ...spec, memoryBytes: undefined }, true))).not.toContain(
      "Memory",
    );
  });
});
