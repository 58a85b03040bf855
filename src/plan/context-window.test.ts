import { describe, expect, it } from "vitest";
import { contextWindow } from "./context-window.ts";

const base = { context: 32_768, stretch: false, maxOutputTokens: 4096 };

describe("the context window", () => {
  it.each([
    [
      "what was asked for, when it was trained for more",
      base,
      131_072,
      32_768,
      4096,
      "settings",
      0,
    ],
    ["what was trained for is the cap", base, 8192, 8192, 2048, "training", 1],
    [
      "stretched on request, with a warning",
      { ...base, stretch: true },
      8192,
      32_768,
      4096,
      "stretched past training",
      1,
    ],
    ["a header that does not say", base, undefined, 32_768, 4096, "settings", 0],
    ["small on purpose", { ...base, context: 2048 }, 8192, 2048, 512, "settings", 1],
  ] as const)("%s", (_title, settings, trained, tokens, output, limitedBy, warnings) => {
    const window = contextWindow(
      settings,
      trained === undefined ? {} : { trainedContext: trained },
    );
    expect(window).toMatchObject({ tokens, maxOutputTokens: output, limitedBy });
    expect(window.warnings).toHaveLength(warnings);
  });

  it.each([
    ["that was asked for", false, 20_000, 0],
    ["that was asked for and is below the floor", false, 16_383, 1],
    ["that nobody asked for", true, 20_000, 1],
    ["that nobody asked for and is enough", true, 32_768, 0],
  ])("a window %s: auto %s, %i tokens, %i warnings", (_title, auto, context, warnings) => {
    const window = contextWindow({ ...base, context }, {}, { by: "memory", auto });
    expect(window.warnings).toHaveLength(warnings);
  });
});
