import { StackError } from "../../errors.ts";
import { readersOf } from "../formats.ts";

/** What is taken when nothing is asked for, best first: the Hub's own default for GGUF, then its neighbours. */
const PREFERRED = ["Q4_K_M", "Q4_K_S", "Q5_K_M", "Q4_0", "Q8_0"];

/**
 * Picks one GGUF of a repository: by file name, by quantisation (letter case aside), or the usual one.
 * `MODEL_UNAVAILABLE` lists what there is.
 */
export function selectGguf(
  files: readonly string[],
  select: string | undefined,
  name: string,
): string {
  const exact = files.find((file) => file === select);
  if (exact !== undefined && /\.gguf$/i.test(exact)) return exact;
  const candidates = wholeGgufs(files);
  const chosen =
    select === undefined
      ? candidates.length === 1
        ? candidates
        : firstOf(PREFERRED.map((quant) => ofQuant(candidates, quant)))
      : ofQuant(candidates, select);
  const [only] = chosen;
  if (only !== undefined && chosen.length === 1) return only;
  if (candidates.length === 0 && files.some((file) => file.endsWith(".safetensors"))) {
    throw new StackError("MODEL_UNAVAILABLE", {
      what: `${name} holds safetensors and no GGUF in one piece.`,
      why: `Safetensors are for ${readersOf("safetensors")}; this engine reads GGUF.`,
      next: "name a repository with GGUF (its name often ends in -GGUF), or start that engine",
    });
  }
  throw new StackError("MODEL_UNAVAILABLE", {
    what:
      chosen.length > 1
        ? `${name} means ${chosen.length} files.`
        : `${name} has no such GGUF file in one piece.`,
    why: explain(files, candidates),
    next: "name the quantisation or the file: hf:org/repo:Q4_K_M",
    detail: candidates.slice(0, 40),
  });
}

/** GGUF files that are a model by themselves: no projectors of vision models, no parts of split ones. */
export function wholeGgufs(files: readonly string[]): readonly string[] {
  return files.filter(
    (file) => /\.gguf$/i.test(file) && !/mmproj/i.test(file) && !SPLIT.test(file),
  );
}

const SPLIT = /-\d{5}-of-\d{5}\.gguf$/i;

function explain(files: readonly string[], candidates: readonly string[]): string {
  if (candidates.length > 0) return `There are: ${candidates.slice(0, 12).join(", ")}.`;
  if (files.some((file) => SPLIT.test(file))) return "Its GGUF files are split into parts.";
  return "There is no GGUF file in it; a repository with GGUF often ends in -GGUF.";
}

function ofQuant(files: readonly string[], quant: string): readonly string[] {
  const escaped = quant.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  // `Q4_K` must not match `Q4_K_M`, nor `F16` `BF16`.
  const pattern = new RegExp(`(^|[^A-Za-z0-9])${escaped}(?![A-Za-z0-9_])`, "i");
  const base = (file: string): string => file.replace(/^.*\//, "").replace(/\.gguf$/i, "");
  return files.filter((file) => pattern.test(base(file)));
}

function firstOf(lists: readonly (readonly string[])[]): readonly string[] {
  return lists.find((list) => list.length > 0) ?? [];
}
