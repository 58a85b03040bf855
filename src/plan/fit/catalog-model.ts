import type { CatalogEntry } from "../../models/catalog.ts";
import type { FitQuestion } from "./fit-context.ts";

/** A model of the catalog as the fit asks about it, before anything of it is here. */
export function catalogModel({
  context,
  size: { architecture, bytes, memory },
}: Pick<CatalogEntry, "context" | "size">): Pick<FitQuestion, "facts" | "weightsBytes"> {
  const trained = context === undefined ? {} : { trainedContext: context };
  return { facts: { architecture, memory, ...trained }, weightsBytes: bytes };
}
