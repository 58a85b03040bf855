import { expect, it } from "vitest";
import { llamacpp } from "../../engines/llamacpp.ts";
import { oldDriverWarning, servesCuda } from "./serves-cuda.ts";

it.each([
  ["12.8", "13", false],
  ["12.8", "13.0.2", false],
  ["12.4", "12.8.1", true],
  ["13.0", "13", true],
  ["13.0", "12.9", true],
  [undefined, "13", undefined],
  ["13.0", undefined, undefined],
  ["13.0", "", undefined],
])("a driver for CUDA %s serves what is built for %s: %s", (driver, built, expected) => {
  expect(servesCuda(driver, built)).toBe(expected);
});

it("a driver that is too old for the image is told of before the image is pulled", () => {
  const image = llamacpp.acceleratedImages.cuda;
  expect(oldDriverWarning(image, "12.8")).toMatch(
    /^ghcr\.io\/ggml-org\/llama\.cpp:server-cuda13-\S+ is built for CUDA 13, and .* up to 12\.8/,
  );
  expect(oldDriverWarning(image, "13.1")).toBeUndefined();
  expect(oldDriverWarning(image, undefined)).toBeUndefined();
  expect(oldDriverWarning(llamacpp.acceleratedImages.rocm, "11.0")).toBeUndefined();
});
