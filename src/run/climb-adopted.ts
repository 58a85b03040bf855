import type { SecureContext } from "node:tls";
import type { AdoptedEngine, FoundModel } from "../engines/engine.ts";
import { containerEngines } from "../engines/index.ts";
import { type Findings, findings } from "../gate/findings.ts";
import { ladder } from "../gate/ladder.ts";
import { runGate } from "../gate/run-gate.ts";
import type { AdoptedBase } from "../plan/adopted-base.ts";
import { belowFloor, vulnerableWarning } from "../plan/security-floor.ts";
import type { Settings } from "../plan/settings.ts";
import { shellQuote } from "../plan/shell-quote.ts";
import type { RunContext } from "../run-context.ts";
import { narrated } from "./narrate.ts";

/** A server of somebody else, and what is asked of it. */
export interface AdoptedClimb {
  readonly settings: Settings;
  readonly engine: AdoptedEngine;
  readonly base: AdoptedBase;
  readonly apiKey: string;
  readonly secureContext: SecureContext | undefined;
  /** The id that the model is served under. */
  readonly id: string;
  /** Tokens of one conversation. */
  readonly wanted: number;
  /** Its models, as it lists them now; undefined where it does not. */
  readonly look: () => Promise<readonly FoundModel[] | undefined>;
  /** Whether it lists them at all. */
  readonly lists: boolean;
}

export interface Climbed {
  /** The model as it is listed once it is loaded. */
  readonly now: FoundModel | undefined;
  readonly found: Findings;
}

/** The gate of a server that is not ours. Errors: as `runGate`. */
export async function climbAdopted(context: RunContext, climb: AdoptedClimb): Promise<Climbed> {
  const { settings, engine, base, apiKey, secureContext, id, wanted } = climb;
  const probes = engine.probes({ model: id, lists: climb.lists });
  const start = [base.apiBase, id, wanted, settings.ready].join(" ");
  const question = { model: id, window: wanted };
  const facts = await narrated(context, { start, follow: async () => {} }, (doing) =>
    runGate(context, ladder(probes, settings.ready, question), {
      ...base,
      apiKey,
      secureContext,
      doing,
      timeoutMs: settings.timeout * 1000,
      watch: untilAborted,
      tail: async () => [],
      next: engine.log !== undefined && base.local ? engine.log : lookAt(base, settings),
    }),
  );
  const now = (await climb.look())?.find((each) => each.id === id);
  const found = findings(
    { ...(now?.context === undefined ? {} : { contextLength: now.context }), ...facts },
    { ready: settings.ready, window: wanted, parallel: undefined, truncates: engine.truncates },
  );
  const { software = engine.name, engineVersion } = found.measured;
  return {
    now,
    found: {
      ...found,
      warnings: [...floorWarnings(software, engineVersion), ...found.warnings],
    },
  };
}

/** The command that shows what it answers; it reads the key where it is, as an error is no place for one. */
function lookAt({ apiBase }: AdoptedBase, { ca, keyFile }: Settings): string {
  return [
    "curl",
    ...(ca === undefined ? [] : ["--cacert", shellQuote(ca)]),
    ...(keyFile === undefined
      ? []
      : ["-H", `"Authorization: Bearer $(cat ${shellQuote(keyFile)})"`]),
    `${apiBase}/models`,
  ].join(" ");
}

/** A server of somebody else is not ours to refuse: its owner may have reasons, and it runs already. */
function floorWarnings(software: string, version: string | undefined): readonly string[] {
  const engine = containerEngines().find(({ name }) => name === software);
  const below = engine && belowFloor(engine.securityFloor, version);
  return below === undefined ? [] : [vulnerableWarning(engine?.title ?? software, below)];
}

/** Nobody tells us when a server that is not ours ends: the next question fails. */
function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
