import { expect, it } from "vitest";
import { settingsSchema } from "../plan/settings.ts";
import { stackFit } from "./stack-fit.ts";

const fit = (engine: string, kvType: string): unknown =>
  stackFit({
    settings: settingsSchema.parse({ kvType }),
    engine,
    reference: "file:/m",
    budget: { hostFreeBytes: 1 },
    running: undefined,
  });

it("refuses a type of keys and values that the engine would take no notice of", () => {
  expect(() => fit("vllm", "q8_0")).toThrow("vllm does not keep keys and values as q8_0.");
  expect(() => fit("vllm", "f16")).not.toThrow();
  expect(() => fit("llamacpp", "q8_0")).not.toThrow();
});
