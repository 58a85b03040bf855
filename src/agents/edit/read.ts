import { parse as parseJson } from "jsonc-parser";
import { parse as parseYaml } from "yaml";
import { unreachable } from "../../errors.ts";
import type { AgentFile } from "../agent.ts";
import { parseDotenv } from "./dotenv.ts";

/** What a text says, as its readers see it. Of one that an edit has accepted. */
export function readData(format: AgentFile["format"], text: string): unknown {
  switch (format) {
    case "json":
      return parseJson(text.replace(/^\uFEFF/, ""), [], { allowTrailingComma: true });
    case "yaml":
      return parseYaml(text);
    case "dotenv":
      return parseDotenv(text);
    case "text":
      return text;
    default:
      return unreachable(format);
  }
}
