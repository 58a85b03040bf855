#!/usr/bin/env node
// `pnpm compose`: writes the files of compose/ that are made from the same specifications as `stack up`.
import { fs } from "zx";
import { composeFiles } from "../src/docker/compose.ts";

for (const [name, text] of Object.entries(composeFiles())) {
  await fs.writeFile(new URL(`../compose/${name}`, import.meta.url), text);
  console.log(`compose/${name}`);
}
