import type { DaemonFacts } from "../../docker/runtime.ts";
import { StackError } from "../../errors.ts";
import { freeBytes } from "../../models/download/disk-space.ts";
import { formatBytes } from "../../models/bytes.ts";
import type { Check, Finding } from "./check.ts";
import { engineToStart } from "./needs.ts";

/** An image of an engine with GPU libraries takes about this much, unpacked. */
const COMFORTABLE_BYTES = 20e9;

export const dockerCheck: Check = {
  id: "docker",
  title: "Docker",
  // `connect` gives each of several places up to five seconds.
  deadlineMs: 12_000,
  run: async ({ docker, settings }) => {
    try {
      const facts = await docker();
      return [...dockerFindings(facts), ...(await diskFindings(facts))];
    } catch (error) {
      if (!(error instanceof StackError)) throw error;
      return [unreachableFinding(error, engineToStart(settings)?.kind === "container")];
    }
  },
};

/** `needed`: the settings ask for an engine in a container. */
export function unreachableFinding(error: StackError, needed: boolean): Finding {
  const { what, why, next, detail, code } = error;
  const head = { summary: why === undefined ? what : `${what} ${why}`, detail };
  // The way on without a daemon is no cure for one that is missing.
  const cure = next?.startsWith("stack ") === true ? undefined : next;
  const fix =
    cure ?? "install Docker (https://docs.docker.com/engine/install/), or set DOCKER_HOST";
  if (needed) return { status: "failed", code, ...head, fix };
  const summary = `${what} What is asked for does not need one.`;
  return { status: "warning", ...head, summary, fix };
}

/** What a daemon is, and what is known to be wrong with it. */
export function dockerFindings(facts: DaemonFacts): readonly Finding[] {
  const { product, version, address, storageDriver, rootless, local } = facts;
  const traits = [
    storageDriver,
    ...(rootless ? ["rootless"] : []),
    ...(local ? [] : ["on another machine"]),
  ].join(", ");
  const found: Finding = {
    status: "ok",
    summary: `${product} ${version} at ${address} (${traits})`,
  };
  return product === "podman" ? [found] : [found, ...versionFindings(version)];
}

function versionFindings(version: string): readonly Finding[] {
  const findings: Finding[] = [];
  if (isOlder(version, "28.0.0")) {
    findings.push({
      status: "warning",
      summary: `Engine ${version} lets machines of the same network reach ports that are published on 127.0.0.1 (moby#45610)`,
      fix: "update Docker Engine to 28 or newer",
    });
  }
  if (leaksDns(version)) {
    findings.push({
      status: "warning",
      summary: `Engine ${version} passes DNS questions out of sealed networks (CVE-2024-29018), unless your distribution has mended it`,
      fix: "update Docker Engine to 28 or newer",
    });
  }
  return findings;
}

/** Fixed in 23.0.11, 25.0.5 and 26.0.0 (GHSA-mq39-4gv4-mvpx); 24 never was. */
function leaksDns(version: string): boolean {
  if (isOlder(version, "23.0.11")) return true;
  if (isOlder(version, "24.0.0")) return false;
  return isOlder(version, "25.0.5");
}

/** By numbers alone: `25.0.4+dfsg1` is 25.0.4. What is no version is not older than anything. */
function isOlder(version: string, than: string): boolean {
  const a = numbers(version);
  const b = numbers(than);
  for (const [index, wanted] of b.entries()) {
    const found = a[index] ?? 0;
    if (found !== wanted) return a.length > 0 && found < wanted;
  }
  return false;
}

function numbers(version: string): readonly number[] {
  const match = /^v?(\d+)\.(\d+)(?:\.(\d+))?/.exec(version);
  return match === null ? [] : match.slice(1).map((part) => Number(part ?? 0));
}

async function diskFindings(facts: DaemonFacts): Promise<readonly Finding[]> {
  if (!facts.local || facts.rootDir === undefined) return [];
  // Only root may look into the folder itself on many machines; then there is nothing to say.
  const free = await freeBytes(facts.rootDir).catch(() => undefined);
  if (free === undefined) return [];
  const summary = `${formatBytes(free)} free in ${facts.rootDir}`;
  if (free >= COMFORTABLE_BYTES) return [{ status: "ok", summary }];
  return [{ status: "warning", summary, fix: "docker system prune" }];
}
