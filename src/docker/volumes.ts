import * as z from "zod";
import { labelFilter, query, removal } from "./ask.ts";
import type { Volumes } from "./runtime.ts";
import type { Wire } from "./wire.ts";

const listSchema = z.object({ Volumes: z.array(z.object({ Name: z.string() })).nullish() });

export function volumes(wire: Wire): Volumes {
  return {
    async list(labels, signal) {
      const found = await query(wire, "Listing volumes", listSchema, {
        method: "GET",
        path: "/volumes",
        query: { filters: labelFilter(labels) },
        signal,
      });
      return (found.Volumes ?? []).map(({ Name }) => Name);
    },

    remove: (name, signal) =>
      removal(wire, `Removing volume ${name}`, {
        method: "DELETE",
        path: `/volumes/${encodeURIComponent(name)}`,
        signal,
      }),
  };
}
