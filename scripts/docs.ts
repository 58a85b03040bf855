#!/usr/bin/env node
// `pnpm docs`: writes the pages of docs/ that are made from code. A test holds them equal.
import { writeFileSync } from "node:fs";
import { settingsJsonSchema } from "../src/plan/settings-json-schema.ts";

const write = (name: string, text: string): void =>
  writeFileSync(new URL(`../docs/${name}`, import.meta.url), text);

// First, because the command line's flags are read from it.
write("stack.schema.json", `${JSON.stringify(settingsJsonSchema(), undefined, 2)}\n`);
