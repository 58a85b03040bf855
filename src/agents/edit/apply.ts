import { unreachable } from "../../errors.ts";
import type { AgentFile } from "../agent.ts";
import { uneditable } from "./document.ts";
import { editDotenv } from "./dotenv.ts";
import { editJson } from "./json.ts";
import { editYaml } from "./yaml.ts";

/** The file as it is after its edits. `text` is what is there now, empty for a file that is not there. */
export function applyEdits(file: Pick<AgentFile, "format" | "edits">, text: string): string {
  switch (file.format) {
    case "json":
      return editJson(text, file.edits);
    case "yaml":
      return editYaml(text, file.edits);
    case "dotenv":
      return editDotenv(text, file.edits);
    case "text":
      return wholeText(file.edits);
    default:
      return unreachable(file.format);
  }
}

function wholeText(edits: AgentFile["edits"]): string {
  const [edit, ...others] = edits;
  if (edit === undefined || others.length > 0 || typeof edit.value !== "string") {
    throw uneditable([], "a text is set as a whole");
  }
  return edit.value;
}
