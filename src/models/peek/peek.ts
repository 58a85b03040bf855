import { StackError, unreachable } from "../../errors.ts";
import type { RunContext } from "../../run-context.ts";
import type { ModelFormat, ModelReference } from "../model.ts";
import { openHttp } from "../net/http.ts";
import type { AskTools } from "../sources/source.ts";
import type { FetchOptions } from "../store.ts";
import { refuseOffline } from "../store/refuse-offline.ts";
import type { Glimpse, Unknown } from "./glimpse.ts";

/** Milliseconds for all of it. Most headers are a few megabytes; who can't send those in this time leaves it unknown. */
const DEADLINE_MS = 15_000;

/** Or why nothing is known, in words for people. */
export type Peeked = Glimpse | Unknown;

/**
 * What can be known of a model without fetching it: sizes, and what its header or configuration says. Tells nobody of its
 * attempts. What a source refuses, it would refuse to the fetch as well, so that this throws the same error: `MODEL_UNAVAILABLE`
 * for a file that is not there, a repository that wants a login, a name that nobody knows. `reference` is absolute.
 */
export async function peekModel(
  context: RunContext,
  reference: ModelReference,
  options: FetchOptions,
  format: ModelFormat,
  deadlineMs = DEADLINE_MS,
): Promise<Peeked> {
  const late = AbortSignal.timeout(deadlineMs);
  const quiet: RunContext = {
    ...context,
    signal: AbortSignal.any([context.signal, late]),
    emit: (event) => {
      if (event.type === "debug") context.emit(event);
    },
  };
  try {
    refuseOffline(reference, options);
    if (reference.scheme === "file") {
      return await (await import("./peek-file.ts")).peekFile(reference, format);
    }
    const http = await openHttp(quiet, options.ca);
    try {
      return await peekSource({ context: quiet, http, options }, reference, format);
    } finally {
      await http.close();
    }
  } catch (error) {
    context.signal.throwIfAborted();
    if (late.aborted) return { why: `There was no answer within ${deadlineMs / 1000} s.` };
    if (error instanceof StackError) throw error;
    return { why: error instanceof Error ? error.message : String(error) };
  }
}

async function peekSource(
  tools: AskTools,
  reference: Exclude<ModelReference, { scheme: "file" }>,
  format: ModelFormat,
): Promise<Peeked> {
  switch (reference.scheme) {
    case "hf":
      return (await import("./peek-hub.ts")).peekHub(tools, reference, format);
    case "ollama":
      return (await import("./peek-registry.ts")).peekRegistry(tools, reference);
    case "pypi":
      return (await import("./peek-index.ts")).peekIndex(tools, reference);
    default:
      return unreachable(reference);
  }
}
