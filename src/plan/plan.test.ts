import { describe, expect, it } from "vitest";
import { type Plan, stepId } from "./plan.ts";
import {
  type DesiredContainers,
  type ObservedContainers,
  planContainers,
} from "./plan-containers.ts";
import { type DesiredProcess, type ObservedProcess, planProcess } from "./plan-process.ts";

const ids = (plan: Plan): readonly string[] => plan.steps.map(stepId);

describe("a stack of containers", () => {
  const desired: DesiredContainers = {
    name: "default",
    engine: "ollama",
    model: "ollama:qwen3:8b",
    images: { engine: "ollama/ollama:1", gateway: "haproxy:1" },
    networks: { sealed: "sealed", outer: "outer" },
    hash: "h1",
    anew: false,
  };
  const nothing: ObservedContainers = {
    modelStored: false,
    pull: { engine: true, gateway: true },
    containers: [],
    networks: [],
    endpointKnown: false,
    processRuns: false,
  };
  const running: ObservedContainers = {
    modelStored: true,
    pull: { engine: false, gateway: false },
    containers: [
      { running: true, hash: "h1" },
      { running: true, hash: "h1" },
    ],
    networks: ["sealed", "outer"],
    endpointKnown: true,
    processRuns: false,
  };
  const anew = ["networks", "containers", "gate"];

  it.each<[string, Partial<ObservedContainers>, ObservedContainers, readonly string[]]>([
    ["nothing is here", {}, nothing, ["image:engine", "image:gateway", "model", ...anew]],
    ["all of it runs", {}, running, []],
    ["only the endpoint's file is lost", { endpointKnown: false }, running, ["gate"]],
    [
      "other settings",
      { containers: [{ running: true, hash: "h0" }] },
      running,
      ["clear", ...anew],
    ],
    [
      "the engine has stopped",
      {
        containers: [
          { running: false, hash: "h1" },
          { running: true, hash: "h1" },
        ],
      },
      running,
      ["clear", ...anew],
    ],
    [
      "the gateway is gone",
      { containers: [{ running: true, hash: "h1" }] },
      running,
      ["clear", ...anew],
    ],
    [
      "the networks are left over",
      { containers: [], networks: ["sealed", "outer"], endpointKnown: false },
      running,
      ["containers", "gate"],
    ],
    [
      "the embedded engine has the name",
      { ...nothing, modelStored: true, pull: { engine: false, gateway: false }, processRuns: true },
      nothing,
      ["clear", ...anew],
    ],
  ])("%s", (_title, change, base, expected) => {
    expect(ids(planContainers(desired, { ...base, ...change }))).toEqual(expected);
  });

  it("is replaced by a restart as soon as what replaces it is here, and not before", () => {
    const restart = { ...desired, anew: true };
    expect(ids(planContainers(restart, running))).toEqual(["clear", ...anew]);
    const other = { ...running, modelStored: false, pull: { engine: true, gateway: false } };
    expect(ids(planContainers(restart, other))).toEqual([
      "image:engine",
      "model",
      "clear",
      ...anew,
    ]);
    expect(ids(planContainers(restart, { ...running, containers: [], networks: [] }))).toEqual(
      anew,
    );
  });

  it("stays while a newer image is looked for", () => {
    const pull = { engine: true, gateway: true };
    expect(ids(planContainers(desired, { ...running, pull }))).toEqual([
      "image:engine",
      "image:gateway",
    ]);
  });
});

describe("a stack that is a process", () => {
  const desired: DesiredProcess = {
    name: "default",
    engine: "embedded",
    model: "pypi:x",
    hash: "h1",
    anew: false,
  };
  const running: ObservedProcess = {
    modelStored: true,
    runningHash: "h1",
    endpointKnown: true,
    otherEngine: false,
  };

  it.each<[string, Partial<ObservedProcess>, readonly string[]]>([
    ["it runs", {}, []],
    [
      "nothing is here",
      { modelStored: false, runningHash: undefined, endpointKnown: false },
      ["model", "process", "gate"],
    ],
    ["it was killed", { runningHash: undefined }, ["process", "gate"]],
    ["other settings", { runningHash: "h0" }, ["clear", "process", "gate"]],
    ["the endpoint's file is lost", { endpointKnown: false }, ["gate"]],
    [
      "another engine has the name",
      { runningHash: undefined, otherEngine: true },
      ["clear", "process", "gate"],
    ],
  ])("%s", (_title, change, expected) => {
    expect(ids(planProcess(desired, { ...running, ...change }))).toEqual(expected);
  });

  it("is replaced by a restart as soon as the model is here", () => {
    const restart = { ...desired, anew: true };
    expect(ids(planProcess(restart, running))).toEqual(["clear", "process", "gate"]);
    expect(ids(planProcess(restart, { ...running, modelStored: false }))).toEqual([
      "model",
      "clear",
      "process",
      "gate",
    ]);
    expect(ids(planProcess(restart, { ...running, runningHash: undefined }))).toEqual([
      "process",
      "gate",
    ]);
  });

  it("replaces what runs while it can't know the hash, as the model is still to be fetched", () => {
    const plan = planProcess({ ...desired, hash: undefined }, { ...running, modelStored: false });
    expect(ids(plan)).toEqual(["model", "clear", "process", "gate"]);
  });
});
