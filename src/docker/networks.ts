import * as z from "zod";
import { StackError } from "../errors.ts";
import { ask, labelFilter, query, removal } from "./ask.ts";
import { daemonRefusal, daemonWords } from "./daemon-error.ts";
import type { NetworkFacts, Networks } from "./runtime.ts";
import type { Wire } from "./wire.ts";

const networkSchema = z.object({
  Id: z.string(),
  Name: z.string(),
  Internal: z.boolean().default(false),
  Labels: z.record(z.string(), z.string()).nullish(),
  Options: z.record(z.string(), z.string()).nullish(),
  IPAM: z
    .object({ Config: z.array(z.object({ Gateway: z.string().optional() })).nullish() })
    .nullish(),
});

/** Option of a bridge network: the bridge itself gets no address, so that the host is not on the network. */
export const INHIBIT_IPV4 = "com.docker.network.bridge.inhibit_ipv4";

export function networks(wire: Wire): Networks {
  return {
    async list(labels, signal) {
      const found = await query(wire, "Listing networks", z.array(networkSchema), {
        method: "GET",
        path: "/networks",
        query: { filters: labelFilter(labels) },
        signal,
      });
      return found.map(toNetworkFacts);
    },

    async create(spec, signal) {
      const what = `Creating network ${spec.name}`;
      const answer = await ask(wire, what, {
        method: "POST",
        path: "/networks/create",
        body: {
          Name: spec.name,
          // Without it old engines make a second network of the same name.
          CheckDuplicate: true,
          Driver: "bridge",
          Internal: spec.internal,
          EnableIPv6: false,
          Attachable: false,
          Options: spec.options,
          Labels: spec.labels,
        },
        signal,
      });
      if (answer.status === 409) throw networkTaken(spec.name, daemonWords(answer.text));
      if (answer.status !== 201 && answer.status !== 200) throw daemonRefusal(what, answer);
      return z.object({ Id: z.string() }).parse(JSON.parse(answer.text)).Id;
    },

    remove: (id, signal) =>
      removal(wire, `Removing network ${id}`, {
        method: "DELETE",
        path: `/networks/${encodeURIComponent(id)}`,
        signal,
      }),
  };
}

function toNetworkFacts(raw: z.infer<typeof networkSchema>): NetworkFacts {
  // The daemon lists the address that it set aside, also when the bridge was not given it.
  const inhibited = raw.Options?.[INHIBIT_IPV4] === "true";
  const configured = (raw.IPAM?.Config ?? []).flatMap(({ Gateway }) => (Gateway ? [Gateway] : []));
  return {
    id: raw.Id,
    name: raw.Name,
    labels: raw.Labels ?? {},
    internal: raw.Internal,
    gateways: inhibited ? [] : configured,
    options: raw.Options ?? {},
  };
}

function networkTaken(name: string, why: string): StackError {
  return new StackError("CONFLICT", {
    what: `There is a network ${name} already, and it is not this stack's.`,
    why,
    next: `Choose another \`--name\`, or remove it: docker network rm ${name}`,
  });
}
