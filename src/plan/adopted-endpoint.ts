import type { Endpoint } from "../endpoint.ts";
import type { AdoptedEngine } from "../engines/engine.ts";
import type { Findings } from "../gate/findings.ts";
import { type AdoptedBase, baseWarnings } from "./adopted-base.ts";
import { AGENT_FLOOR } from "./context-window.ts";

export interface AdoptedEndpointInput {
  readonly name: string;
  readonly engine: AdoptedEngine;
  readonly base: AdoptedBase;
  readonly apiKey: string;
  /** Whether that is a key, or stands where there is none. */
  readonly hasKey: boolean;
  /** The id that it is served under. */
  readonly model: string;
  readonly found: Findings;
  /** Tokens that were asked for, as far as the model may have them. */
  readonly wanted: number;
  readonly maxOutputTokens: number;
  /** Where the server's certificate authority was named: the file with it, and the one for clients. */
  readonly authorities: Required<Pick<Endpoint, "ca" | "authorities">> | undefined;
}

/** What clients are told of a server that was found, with everything in it that is not as they would expect. */
export function adoptedEndpoint(input: AdoptedEndpointInput): Endpoint {
  const { engine, base, apiKey, hasKey, model, found, authorities } = input;
  const { contextWindow, measured } = found;
  return {
    name: input.name,
    engine: engine.name,
    apiBase: base.apiBase,
    apiKey,
    model,
    reference: model,
    contextWindow,
    maxOutputTokens: Math.max(1, Math.min(input.maxOutputTokens, Math.floor(contextWindow / 4))),
    tools: found.tools ?? false,
    adopted: true,
    ...authorities,
    measured,
    warnings: [
      ...baseWarnings(base, hasKey),
      ...engine.warnings({ key: hasKey, window: contextWindow, wanted: input.wanted }),
      ...(authorities === undefined
        ? []
        : [
            `Clients must be told of the certificate authority too, as \`stack env\` does: SSL_CERT_FILE (Python) and NODE_EXTRA_CA_CERTS (Node) with ${authorities.authorities}.`,
          ]),
      ...found.warnings,
      ...(measured.context.proof === "assumed"
        ? [
            `The server does not say how long a prompt may be: ${contextWindow} tokens are assumed. \`--context\` says it, \`--ready agent\` proves it.`,
          ]
        : []),
      ...(contextWindow < AGENT_FLOOR
        ? [
            `The context is ${contextWindow} tokens: agents that send tools want ${AGENT_FLOOR} or more.`,
          ]
        : []),
    ],
  };
}
