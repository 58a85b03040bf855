import type { ModelFacts } from "../model.ts";

/** Why nothing is known of a model before it is fetched, in words for people. */
export interface Unknown {
  readonly why: string;
}

/** What is known of a model before anything of it is fetched. */
export interface Glimpse {
  /** Of the weights; without `facts` at least so many. */
  readonly weightsBytes: number;
  /** Absent where only a size could be asked. */
  readonly facts?: Pick<ModelFacts, "architecture" | "trainedContext" | "memory"> | undefined;
}
