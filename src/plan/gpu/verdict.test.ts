import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import type { GpuCause } from "./verdict.ts";

/** The compiler holds it complete. */
const EVERY_CAUSE = {
  "no-devices": true,
  "unknown-device": true,
  "driver-missing": true,
  "driver-too-old-for-image": true,
  "nvml-error": true,
  "toolkit-missing": true,
  "daemon-not-configured": true,
  "cdi-spec-missing": true,
  "cdi-spec-stale": true,
  "cgroup-driver": true,
  "device-permission": true,
  "image-has-no-cuda": true,
  "no-image-for-gpu": true,
  "vulkan-only": true,
  "no-answer": true,
  unknown: true,
} satisfies Record<GpuCause, true>;

it("the page on GPUs has a row for every cause that is told, and for no other", () => {
  const page = readFileSync(new URL("../../../docs/gpu-workstation.md", import.meta.url), "utf8");
  const table = page.slice(page.indexOf("| cause "));
  const cells = [...table.slice(0, table.indexOf("\n\n")).matchAll(/^\| (`[^|]*`) /gm)];
  const told = cells.flatMap(([, cell = ""]) => [...cell.matchAll(/`([a-z-]+)`/g)]);
  expect(new Set(told.map(([, cause]) => cause))).toEqual(new Set(Object.keys(EVERY_CAUSE)));
});
