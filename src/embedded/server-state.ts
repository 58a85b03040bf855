import type { Engine } from "./llama/engine.ts";

/** What the HTTP side knows of the engine. It serves from the first moment, and says so while it cannot answer yet. */
export type ServerState =
  | {
      readonly phase: "loading";
      /** Share of the weights that is read, 0 to 1. */
      readonly progress: number;
    }
  | { readonly phase: "ready"; readonly engine: Engine }
  | { readonly phase: "stopping" };
