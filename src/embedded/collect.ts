import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import * as z from "zod";

type Collect = (options: { readonly type: "minor" | "major" }) => void;

setFlagsFromString("--expose-gc");
const gc = z.custom<Collect>((value) => typeof value === "function").parse(runInNewContext("gc"));

/**
 * Frees what is not used any more: `young` what was made a moment ago (half a millisecond), `all` everything (30 to 60 ms).
 * V8 sees only what it allocated itself and waits: node-llama-cpp makes a sampler for each piece of a prompt, with 12 bytes for each
 * entry of the vocabulary behind it. Left alone that was 400 MB after 8,000 tokens of gemma3:270m, and 140 MB after loading it.
 */
export function collect(what: "young" | "all"): void {
  gc({ type: what === "young" ? "minor" : "major" });
}
