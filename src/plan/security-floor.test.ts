import { describe, expect, it, test } from "vitest";
import { containerEngines, ENGINES } from "../engines/index.ts";
import { belowFloor, heedFloor, imageTag } from "./security-floor.ts";

const { llamacpp, ollama, sglang, vllm } = ENGINES;

describe("a version is", () => {
  it.each([
    // Tags, and what `/api/version` says. `stack image build ollama` makes the first.
    [ollama, "0.17.4", "below"],
    [ollama, "0.34.9", "below"],
    [ollama, "0.35.0-rc2", "below"],
    [ollama, "0.35.0", "fine"],
    [ollama, "0.35", "fine"],
    [ollama, "0.40.2-rocm", "fine"],
    [ollama, "0.4.1", "below"],
    [ollama, "1.0.0", "fine"],
    // A build from source that was told no version.
    [ollama, "0.0.0", "fine"],
    [ollama, "latest", "fine"],
    [ollama, "rocm", "fine"],
    // Stable releases, the running number of every build, and Debian's own name for one.
    [llamacpp, "0.7.0", "fine"],
    [llamacpp, "server-v0.7.0", "fine"],
    [llamacpp, "server-cuda13-v0.7.0", "fine"],
    [llamacpp, "server-cuda13-v0.6.1", "below"],
    [llamacpp, "b11669-Debian", "fine"],
    [llamacpp, "server-b11392", "below"],
    [llamacpp, "server-vulkan-b11393", "fine"],
    [llamacpp, "b4719-d2fe216f", "below"],
    [llamacpp, "server-cuda", "fine"],
    [llamacpp, "server-20260101", "fine"],
    [vllm, "v0.33.0", "fine"],
    [vllm, "v0.33.0-x86_64", "fine"],
    [vllm, "0.32.0+cpu", "fine"],
    [vllm, "0.32.0rc1", "below"],
    [vllm, "0.32.0.dev17+g0a1b2c3", "below"],
    [vllm, "0.32.1.dev4+g0a1b2c3.cu130", "fine"],
    [vllm, "v0.9.2", "below"],
    [vllm, "nightly-0a1b2c3d", "fine"],
    [sglang, "v0.5.21-cu129", "fine"],
    [sglang, "v0.5.21.post1", "fine"],
    [sglang, "v0.5.3rc0-b200", "below"],
    [sglang, "v0.5.9.post2-rocm620", "below"],
    [sglang, "dev", "fine"],
  ] as const)("$name, %s: %s", (engine, version, expected) => {
    const below = belowFloor(engine.securityFloor, version);
    expect(below === undefined ? "fine" : "below").toBe(expected);
  });

  it("counted as the floor that it is below", () => {
    const { securityFloor } = llamacpp;
    expect(belowFloor(securityFloor, "server-b4719")?.floor).toBe("b11393");
    expect(belowFloor(securityFloor, "server-v0.6.0")?.floor).toBe("0.7.0");
    expect(belowFloor(securityFloor, undefined)).toBeUndefined();
  });
});

test.each([
  ["ollama/ollama:0.40.2", "0.40.2"],
  ["registry.site:5000/ollama/ollama:0.17.4", "0.17.4"],
  ["registry.site:5000/ollama/ollama", undefined],
  ["ollama/ollama:0.40.2@sha256:00ff", "0.40.2"],
  ["ollama/ollama@sha256:00ff", undefined],
  ["ollama", undefined],
])("the tag of %s is %s", (reference, tag) => {
  expect(imageTag(reference)).toBe(tag);
});

test("no image that is taken by itself from a registry is below", () => {
  for (const { image, acceleratedImages = {}, securityFloor } of containerEngines()) {
    for (const { tag } of [image, ...Object.values(acceleratedImages)]) {
      expect(belowFloor(securityFloor, tag)).toBeUndefined();
    }
  }
});

test("the first that can be compared decides: what an engine reports goes before its image's tag", () => {
  const { securityFloor } = ollama;
  expect(belowFloor(securityFloor, "0.40.2", "0.1.0")).toBeUndefined();
  expect(belowFloor(securityFloor, "0.0.0", "0.1.0")?.version).toBe("0.1.0");
  expect(belowFloor(securityFloor, undefined, "latest")).toBeUndefined();
});

describe("an engine below its floor", () => {
  const heed = (allowed: boolean, version: string) =>
    heedFloor(ollama, [version], { allowed, instead: "ollama/ollama:0.40.2" });

  it("is refused, with the source and two ways on", () => {
    expect(() => heed(false, "0.17.4")).toThrow(
      expect.objectContaining({
        code: "VULNERABLE",
        exitCode: 2,
        what: "Ollama 0.17.4 has known security holes: 0.35.0 is the oldest version without them.",
        why: expect.stringContaining(ollama.securityFloor.source),
        next: expect.stringMatching(
          /^stack up ollama --image ollama\/ollama:0\.40\.2\n.*--allow-v/,
        ),
      }),
    );
  });
  it("that was named is refused with the advice to name none", () => {
    const refuse = () => heedFloor(ollama, ["0.17.4"], { allowed: false, instead: undefined });
    expect(refuse).toThrow(
      expect.objectContaining({
        next: "stack up ollama --image <a newer one>\nstack up ollama --allow-vulnerable",
      }),
    );
  });
  it("or warned of, where it is allowed", () => {
    expect(heed(true, "0.17.4")).toEqual([
      expect.stringMatching(/0\.17\.4.*0\.35\.0.*\(https:.*\)/),
    ]);
    expect(heed(true, "0.35.0")).toEqual([]);
    expect(heed(false, "0.35.0")).toEqual([]);
  });
});
