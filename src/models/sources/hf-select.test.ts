import { describe, expect, it } from "vitest";
import { selectGguf } from "./hf-select.ts";

const files = [
  "README.md",
  "m-BF16.gguf",
  "m-F16.gguf",
  "m-Q4_K_M.gguf",
  "m-Q4_K_S.gguf",
  "mmproj-m-F16.gguf",
  "big/m-Q8_0-00001-of-00002.gguf",
  "UD-Q2_K_XL/m-UD-Q2_K_XL.gguf",
];

describe("selectGguf", () => {
  it.each([
    [undefined, "m-Q4_K_M.gguf"],
    ["q4_k_s", "m-Q4_K_S.gguf"],
    ["F16", "m-F16.gguf"],
    ["Q2_K_XL", "UD-Q2_K_XL/m-UD-Q2_K_XL.gguf"],
    ["mmproj-m-F16.gguf", "mmproj-m-F16.gguf"],
  ])("%s is %s", (select, expected) => {
    expect(selectGguf(files, select, "hf:o/r")).toBe(expected);
  });

  it.each([
    ["Q4_K", "There are: m-BF16.gguf"],
    ["Q8_0", "There are: m-BF16.gguf"],
    ["README.md", "There are:"],
    [".*", "There are:"],
  ])("%s is none, and says what there is", (select, why) => {
    expect(() => selectGguf(files, select, "hf:o/r")).toThrow(
      expect.objectContaining({ code: "MODEL_UNAVAILABLE", why: expect.stringContaining(why) }),
    );
  });

  it("of a repository without GGUF says so", () => {
    expect(() => selectGguf(["model.safetensors"], undefined, "hf:o/r")).toThrow(
      expect.objectContaining({ why: expect.stringContaining("Safetensors are for") }),
    );
  });
});
