import { expect, it } from "vitest";
import { ENGINE_NAMES } from "../plan/settings.ts";
import { ENGINES } from "./index.ts";

it("the setting knows every engine of the registry, and each by its own name", () => {
  expect(ENGINE_NAMES).toEqual(Object.keys(ENGINES));
  for (const [name, engine] of Object.entries(ENGINES)) expect(engine.name).toBe(name);
});
