#!/usr/bin/env node
// `pnpm bench:gateway [rounds]`: what the gateway costs, as ratios in one run. One real Ollama answers the same request
// directly (published on a plain network that only this benchmark adds) and through the gateway, by turns. Needs a running engine
// (DOCKER_HOST) with images, and the test registry; see docs/test-environment.md. Ends with 1 when a goal is missed.
import { request } from "node:http";
import { $, chalk } from "zx";
import { connect } from "../src/docker/connect.ts";
import { engineContainer } from "../src/engines/engine-container.ts";
import { ollama } from "../src/engines/ollama.ts";
import { UNPRIVILEGED } from "../src/offline/gateway-container.ts";
import { parseReference } from "../src/models/reference.ts";
import { choosePort } from "../src/run/free-port.ts";
import { openStore } from "../src/models/store.ts";
import { type GatewayRig, gatewayRig } from "../src/testing/gateway-rig.ts";
import { testHost } from "../src/testing/test-host.ts";

const TOKENS = 100;
const PLAIN = "stack-bench-plain";

interface Run {
  /** Milliseconds from the request to the first token. */
  readonly ttft: number;
  readonly tokensPerSecond: number;
  /** Longest pause between two tokens, in milliseconds. */
  readonly gap: number;
}

/** One streamed answer over a connection of its own. */
function stream(url: string, key: string, model: string): Promise<Run> {
  const body = JSON.stringify({
    model,
    stream: true,
    max_tokens: TOKENS,
    temperature: 0,
    seed: 1,
    messages: [{ role: "user", content: "Tell a very long story about a lighthouse." }],
  });
  const headers = {
    authorization: `Bearer ${key}`,
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
  };
  return new Promise((resolve, reject) => {
    const begun = performance.now();
    const outgoing = request(url, { method: "POST", agent: false, headers }, (incoming) => {
      const at: number[] = [];
      incoming.on("data", (chunk: Buffer) => {
        const now = performance.now();
        const events = chunk.toString().split('"content":').length - 1;
        for (let each = 0; each < events; each += 1) at.push(now);
      });
      incoming.on("error", reject);
      incoming.on("end", () => {
        const [first, last] = [at[0], at.at(-1)];
        if (first === undefined || last === undefined || at.length < TOKENS / 2) {
          reject(new Error(`HTTP ${incoming.statusCode}: ${at.length} tokens came`));
          return;
        }
        resolve({
          ttft: first - begun,
          tokensPerSecond: ((at.length - 1) * 1000) / (last - first),
          gap: Math.max(...at.slice(1).map((now, index) => now - (at[index] ?? now))),
        });
      });
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

/**
 * Times: the best of each side, as what else a machine does can only make them longer. Speed: the median over the rounds of
 * one way's by the other's, a moment apart; its best is one lucky run (the same build gave × 0.954 and × 0.999 by it).
 */
function report(direct: readonly Run[], through: readonly Run[]): boolean {
  const least = (runs: readonly Run[], key: keyof Run): number =>
    Math.min(...runs.map((run) => run[key]));
  const speeds = (runs: readonly Run[]): readonly number[] =>
    runs.map((run) => run.tokensPerSecond);
  const ttft = [least(direct, "ttft"), least(through, "ttft")] as const;
  const speed = [median(speeds(direct)), median(speeds(through))] as const;
  const slower = median(speeds(through).map((each, round) => each / (speeds(direct)[round] ?? 0)));
  const gap = [least(direct, "gap"), least(through, "gap")] as const;
  const more = ttft[1] - ttft[0];
  const rows = [
    [
      "time to first token",
      ttft,
      "ms",
      `${more.toFixed(1)} ms more`,
      "at most 5 ms more",
      more <= 5,
    ],
    ["tokens per second", speed, "", `× ${slower.toFixed(3)}`, "at least × 0.98", slower >= 0.98],
    ["longest gap", gap, "ms", times(gap), "at most × 1.2", gap[1] / gap[0] <= 1.2],
  ] as const;
  for (const [what, [a, b], unit, shown, goal, ok] of rows) {
    const verdict = ok ? chalk.green("met") : chalk.red("missed");
    const sides = `direct ${a.toFixed(1)} ${unit}, gateway ${b.toFixed(1)} ${unit}`;
    console.log(`${what.padEnd(20)} ${sides}: ${shown} (goal ${goal}: ${verdict})`);
  }
  return rows.every(([, , , , , ok]) => ok);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function times([a, b]: readonly [number, number]): string {
  return `× ${(b / a).toFixed(3)}`;
}

async function main(rounds: number): Promise<boolean> {
  await using host = await testHost({ env: { DOCKER_HOST: process.env["DOCKER_HOST"] } });
  const { signal } = host.context;
  const { model } = JSON.parse((await $`node scripts/test-registry.ts start`).stdout) as {
    model: string;
  };
  const store = openStore(host.context);
  const fetched = { insecureRegistries: [], offline: false, ca: undefined };
  const { servedName } = await store.ensure(parseReference(model), fetched);
  const runtime = await connect(host.host, { signal });
  const enginePort = await choosePort({ wanted: 0, previous: undefined, own: [] });
  const plain = await runtime.networks.create(
    { name: PLAIN, labels: {}, internal: false, options: {} },
    signal,
  );
  try {
    await using rig = await gatewayRig(runtime, signal, (stack) => ({
      ...engineContainer({
        stack,
        engine: ollama,
        told: {
          model: undefined,
          servedName,
          context: 2048,
          parallel: 1,
          maxOutputTokens: TOKENS,
          storeDir: store.root,
          extraArgs: [],
        },
        image: ollama.image.built,
        user: `${UNPRIVILEGED.uid}:${UNPRIVILEGED.gid}`,
        memoryBytes: 2 * 1024 ** 3,
        devices: [],
        labels: {},
      }),
      extraNetworks: [PLAIN],
      // Published as one does without a gateway: the daemon's own relay to 127.0.0.1 is part of both ways.
      ports: [{ hostIp: "127.0.0.1", hostPort: enginePort, containerPort: ollama.port }],
    }));
    return await measure(rig, `127.0.0.1:${enginePort}`, servedName, rounds);
  } finally {
    await runtime.networks.remove(plain);
  }
}

async function measure(
  rig: GatewayRig,
  engine: string,
  model: string,
  rounds: number,
): Promise<boolean> {
  const path = "/v1/chat/completions";
  const urls = {
    direct: `http://${engine}${path}`,
    through: `http://127.0.0.1:${rig.port}${path}`,
  };
  const runs: Record<keyof typeof urls, Run[]> = { direct: [], through: [] };
  await stream(urls.direct, rig.key, model);
  for (let round = 0; round < rounds; round += 1) {
    // By turns, and each goes first as often: a machine that gets warmer or busier hits both alike.
    const order =
      round % 2 === 0 ? (["direct", "through"] as const) : (["through", "direct"] as const);
    for (const way of order) runs[way].push(await stream(urls[way], rig.key, model));
  }
  return report(runs.direct, runs.through);
}

process.exitCode = (await main(Number(process.argv[2] ?? 25))) ? 0 : 1;
