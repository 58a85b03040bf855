import { describe, expect, it } from "vitest";
import type { ContainerFacts } from "../docker/runtime.ts";
import { connect } from "../docker/connect.ts";
import { LABEL } from "../plan/labels.ts";
import { CONTAINER_SPEC } from "../testing/container-spec.ts";
import { fakeDocker } from "../testing/fake-docker.ts";
import { json } from "../testing/fake-docker-state.ts";
import { testHost } from "../testing/test-host.ts";
import { heldByContainers, heldMemory } from "./held-memory.ts";

const ID = "e".repeat(64);

const container = (labels: Readonly<Record<string, string>>): ContainerFacts =>
  ({ id: ID, state: "running", labels }) as unknown as ContainerFacts;

describe("memory of the machine that a stack has", () => {
  it.each<[string, unknown, number]>([
    [
      "version 2 of control groups",
      { usage: 9000, stats: { anon: 500, active_anon: 600, inactive_anon: 30, file: 8000 } },
      630,
    ],
    [
      "version 1",
      {
        usage: 9000,
        stats: { active_anon: 1, inactive_anon: 1, total_active_anon: 70, total_inactive_anon: 7 },
      },
      77,
    ],
    ["a daemon that tells the sum alone", { usage: 9000 }, 9000],
    ["a container that has just ended", {}, 0],
  ])("%s", async (_title, memory_stats, expected) => {
    await using docker = await fakeDocker();
    await using rig = await testHost({ env: { DOCKER_HOST: docker.host } });
    docker.fault("GET /containers/", (_, response) => json(response, 200, { memory_stats }));
    const runtime = await connect(rig.host, { signal: rig.abort.signal });
    const held = (containers: readonly ContainerFacts[]) =>
      heldMemory(rig.context, runtime, { containers, pid: undefined });
    expect(await held([container({})])).toBe(expected);
    expect(await held([])).toBe(0);
  });

  it("of its containers, and their ports, are known by its name to what is to run without Docker", async () => {
    await using docker = await fakeDocker();
    await using rig = await testHost({ env: { DOCKER_HOST: docker.host } });
    docker.images.set("engine:1", "sha256:1");
    const { containers } = await connect(rig.host, { signal: rig.abort.signal });
    for (const [name, usage] of [
      ["mine", 9000],
      ["other", 500],
    ] as const) {
      const [port] = CONTAINER_SPEC.ports;
      const id = await containers.create({
        ...CONTAINER_SPEC,
        name,
        labels: { [LABEL.name]: name },
        ports: [{ ...port!, hostPort: 4000 + usage }],
      });
      await containers.start(id);
      docker.fault(`GET /containers/${id}/stats`, (_, response) =>
        json(response, 200, { memory_stats: { usage } }),
      );
    }
    const held = { containers: 1, ports: [13_000], bytes: 9000 };
    expect(await heldByContainers(rig.context, "mine")).toEqual(held);
    docker.fault("GET /containers/json", (_, response) => json(response, 500, { message: "no" }));
    const nothing = { containers: 0, ports: [], bytes: 0 };
    expect(await heldByContainers(rig.context, "mine")).toEqual(nothing);
    expect(rig.events).toContainEqual(expect.objectContaining({ type: "warning" }));
  });

  it("breaks nothing where the daemon refuses to tell", async () => {
    await using docker = await fakeDocker();
    await using rig = await testHost({ env: { DOCKER_HOST: docker.host } });
    docker.fault("GET /containers/", (_, response) => json(response, 500, { message: "no" }));
    const runtime = await connect(rig.host, { signal: rig.abort.signal });
    const containers = [container({})];
    expect(await heldMemory(rig.context, runtime, { containers, pid: undefined })).toBe(0);
  });
});
