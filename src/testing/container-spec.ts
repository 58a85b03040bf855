import type { ContainerSpec } from "../docker/runtime.ts";

/** A container as simple as can be, of an image that the fake daemon must be given. */
export const CONTAINER_SPEC: ContainerSpec = {
  name: "stack-test-engine",
  image: "engine:1",
  labels: { "stack.name": "test" },
  env: {},
  user: "65532:65532",
  network: "sealed",
  extraNetworks: ["outer"],
  networkAliases: ["engine"],
  ports: [{ hostIp: "127.0.0.1", hostPort: 4000, containerPort: 8080 }],
  mounts: [],
  tmpfs: {},
  memoryBytes: undefined,
  pidsLimit: 10,
  shmBytes: undefined,
  stopSeconds: 1,
  restart: "no",
  dns: [],
  devices: [],
};
