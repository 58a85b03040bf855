import { expect, it } from "vitest";
import type { Engine } from "../engines/engine.ts";
import { ENGINES } from "../engines/index.ts";
import { READERS } from "./formats.ts";

it.each(["gguf", "safetensors"] as const)("%s is read by the engines that say so", (format) => {
  const engines: readonly Engine[] = Object.values(ENGINES);
  const readers = engines
    .filter((engine) =>
      engine.kind === "container"
        ? engine.format === format
        : engine.kind === "process" && format === "gguf",
    )
    .map(({ name }) => name);
  expect(READERS[format]).toEqual(readers.toSorted());
});
