import * as z from "zod";
import type { Host } from "../host/host.ts";
import { find, query } from "./ask.ts";
import { buildFrom } from "./build.ts";
import { pullImage } from "./pull.ts";
import type { Images } from "./runtime.ts";
import type { Wire } from "./wire.ts";

const imageSchema = z.object({
  Id: z.string(),
  RepoDigests: z.array(z.string()).nullish(),
  Size: z.number().default(0),
  Config: z.object({ Labels: z.record(z.string(), z.string()).nullish() }).nullish(),
});

const listSchema = z.array(
  z.object({
    Id: z.string(),
    RepoTags: z.array(z.string()).nullish(),
    Size: z.number().default(0),
  }),
);

export function images(wire: Wire, host: Host): Images {
  return {
    async inspect(reference, signal) {
      const raw = await find(wire, `Inspecting image ${reference}`, imageSchema, {
        method: "GET",
        // Slashes stay: the daemon's router takes the whole rest of the path as the name.
        path: `/images/${encodeURI(reference)}/json`,
        signal,
      });
      if (raw === undefined) return undefined;
      return {
        id: raw.Id,
        repoDigests: raw.RepoDigests ?? [],
        bytes: raw.Size,
        labels: raw.Config?.Labels ?? {},
      };
    },

    build: (options) => buildFrom(wire, options),
    pull: (reference, options) => pullImage(wire, host, reference, options),

    async list(signal) {
      const found = await query(wire, "Listing images", listSchema, {
        method: "GET",
        path: "/images/json",
        signal,
      });
      return found.map(({ Id, RepoTags, Size }) => ({
        id: Id,
        tags: (RepoTags ?? []).filter((tag) => tag !== "<none>:<none>"),
        bytes: Size,
      }));
    },
  };
}
