import * as z from "zod";
import { settingsSchema } from "./settings.ts";

/** JSON Schema (2020-12) of `stack.yaml`, published as `docs/stack.schema.json`: editors read it, and the command line's flags derive from it. */
export function settingsJsonSchema(): Record<string, unknown> {
  const { $schema, ...rest } = z.toJSONSchema(settingsSchema, { io: "input" });
  return { $schema, title: "stack.yaml", description: "Settings of one stack.", ...rest };
}
