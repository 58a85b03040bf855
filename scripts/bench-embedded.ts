#!/usr/bin/env node
// `pnpm bench:embedded [rounds] [--llama-server PROGRAM]`: the embedded engine beside a bare node-llama-cpp loop and, where
// one is named, a real llama-server: same file, context, threads and prompt, by turns in one run. Ratios compare pairs, so that
// what else the machine does hits both sides alike. Ends with 1 when a goal is missed.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { chalk } from "zx";
import { defaultThreads } from "../src/embedded/threads.ts";
import { freePort, startEmbedded, TEST_KEY } from "../src/testing/embedded-server.ts";
import { starterModel } from "../src/testing/starter-model.ts";

const CONTEXT = 4096;
const TOKENS = 200;
/** Read anew in each run: it begins with another number. */
const LONG =
  "The keeper of the lighthouse looks at the sea and writes a line into the book. ".repeat(70);
/** Continued for ever by a model that does what is most likely. */
const PROMPT = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { "llama-server": { type: "string" } },
});
const rounds = Number(positionals[0] ?? 5);
const llamaServer = values["llama-server"];
const modelPath = await starterModel();
const threads = defaultThreads();

/** Loads, and tells on stdout when the first token was there and how fast the others came. */
const BARE = `
import { getLlama } from "node-llama-cpp";
const llama = await getLlama({ gpu: false, build: "never", logLevel: "error", maxThreads: ${threads} });
const model = await llama.loadModel({ modelPath: process.argv[2] });
const context = await model.createContext({ contextSize: ${CONTEXT}, threads: ${threads} });
const tokens = model.tokenize(process.argv[3], true);
let first, count = 0;
for await (const token of context.getSequence().evaluate(tokens, { temperature: 0 })) {
  first ??= performance.now();
  if (++count === ${TOKENS}) break;
}
console.log(JSON.stringify({ first: first + performance.timeOrigin, perSecond: ((count - 1) * 1000) / (performance.now() - first) }));
process.exit(0);
`;

interface Streamed {
  /** Milliseconds from the request to the first token. */
  readonly first: number;
  readonly perSecond: number;
  /** Longest pause between two tokens, in milliseconds. */
  readonly gap: number;
}

const now = (): number => performance.timeOrigin + performance.now();
const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

/** One streamed answer; tokens are counted by their events. */
function stream(port: number, prompt: string, maxTokens: number): Promise<Streamed> {
  const body = JSON.stringify({
    prompt,
    max_tokens: maxTokens,
    temperature: 0,
    stream: true,
  });
  return new Promise((resolve, reject) => {
    const begun = now();
    const sent = request(
      {
        port,
        host: "127.0.0.1",
        path: "/v1/completions",
        method: "POST",
        agent: false,
        headers: { authorization: `Bearer ${TEST_KEY}`, "content-type": "application/json" },
      },
      (answer) => {
        const at: number[] = [];
        answer.on("data", (chunk: Buffer) => {
          const events = chunk.toString().match(/"text":"[^"]/g) ?? [];
          for (const _ of events) at.push(now());
        });
        answer.on("error", reject);
        answer.on("end", () => {
          const [first, last] = [at[0], at.at(-1)];
          if (first === undefined || last === undefined) {
            reject(new Error(`HTTP ${answer.statusCode}, no token`));
            return;
          }
          resolve({
            first: first - begun,
            perSecond: ((at.length - 1) * 1000) / (last - first),
            gap: Math.max(0, ...at.slice(1).map((time, index) => time - (at[index] ?? time))),
          });
        });
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}

/** From the start of the process to the first token of a bare loop, and its speed. */
async function bare(
  script: string,
): Promise<{ readonly first: number; readonly perSecond: number }> {
  const begun = now();
  const child = spawn(process.execPath, [script, modelPath, PROMPT]);
  let output = "";
  child.stdout.on("data", (text: Buffer) => {
    output += text.toString();
  });
  await once(child, "close");
  const told = JSON.parse(output) as { readonly first: number; readonly perSecond: number };
  return { first: told.first - begun, perSecond: told.perSecond };
}

/** From the start of the process to the first token of a request that is sent when it is healthy. */
async function coldStart(): Promise<number> {
  const begun = now();
  await using server = await startEmbedded({ modelPath, context: CONTEXT, threads });
  await server.ready();
  await stream(server.port, PROMPT, 1);
  return now() - begun;
}

async function startLlamaServer(program: string, port: number): Promise<ChildProcess> {
  const child = spawn(
    program,
    [
      "-m",
      modelPath,
      "-c",
      `${CONTEXT}`,
      "-t",
      `${threads}`,
      "-np",
      "1",
      "--port",
      `${port}`,
    ].concat(["--host", "127.0.0.1", "--api-key", TEST_KEY, "--no-webui"]),
    { stdio: "ignore" },
  );
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}`);
    const health = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
    if (health?.status === 200) return child;
    await delay(50);
  }
}

interface Row {
  readonly what: string;
  readonly unit: string;
  readonly ours: readonly number[];
  readonly theirs: readonly number[];
  /** Whether the median of `ours / theirs` is good enough; undefined: told, not judged. */
  readonly goal?: { readonly text: string; readonly met: (ratio: number) => boolean };
}

/** Prints a table; whether all goals were met. */
function report(title: string, rows: readonly Row[]): boolean {
  console.log(`\nembedded engine beside ${chalk.bold(title)}`);
  let good = true;
  for (const { what, unit, ours, theirs, goal } of rows) {
    const ratio = median(ours.map((value, index) => value / (theirs[index] ?? Number.NaN)));
    const met = goal?.met(ratio) ?? true;
    good &&= met;
    const verdict =
      goal === undefined ? "" : ` ${met ? chalk.green("ok") : chalk.red("MISSED")} (${goal.text})`;
    console.log(
      `  ${what.padEnd(28)} ${median(ours).toFixed(1).padStart(8)} : ${median(theirs).toFixed(1).padStart(8)} ${unit.padEnd(9)} ratio ${ratio.toFixed(3)}${verdict}`,
    );
  }
  return good;
}

const script = join("scripts", `.bench-embedded.${process.pid}.mjs`);
let rival: ChildProcess | undefined;
try {
  await writeFile(script, BARE);
  const cold: number[] = [];
  const bareRuns: Awaited<ReturnType<typeof bare>>[] = [];
  const warm: Streamed[] = [];
  const rivalRuns: Streamed[] = [];
  const long: number[] = [];
  const rivalLong: number[] = [];
  await using server = await startEmbedded({ modelPath, context: CONTEXT, threads });
  await server.ready();
  const rivalPort = await freePort();
  rival = llamaServer === undefined ? undefined : await startLlamaServer(llamaServer, rivalPort);
  for (let round = 0; round < rounds; round += 1) {
    bareRuns.push(await bare(script));
    warm.push(await stream(server.port, PROMPT, TOKENS));
    if (rival !== undefined) rivalRuns.push(await stream(rivalPort, PROMPT, TOKENS));
    cold.push(await coldStart());
    if (rival !== undefined) {
      long.push((await stream(server.port, `${round}. ${LONG}`, 1)).first);
      rivalLong.push((await stream(rivalPort, `${round}. ${LONG}`, 1)).first);
    }
  }
  console.log(`${rounds} rounds, ${threads} thread(s), ${TOKENS} tokens, context ${CONTEXT}`);
  const checks = [
    report("a bare node-llama-cpp loop", [
      {
        what: "generation",
        unit: "tokens/s",
        ours: warm.map((run) => run.perSecond),
        theirs: bareRuns.map((run) => run.perSecond),
        goal: { text: ">= 0.95", met: (ratio) => ratio >= 0.95 },
      },
      {
        what: "start to first token",
        unit: "ms",
        ours: cold,
        theirs: bareRuns.map((run) => run.first),
        goal: { text: "<= 1.5", met: (ratio) => ratio <= 1.5 },
      },
    ]),
  ];
  if (rival !== undefined) {
    checks.push(
      report("llama-server", [
        {
          what: "generation",
          unit: "tokens/s",
          ours: warm.map((run) => run.perSecond),
          theirs: rivalRuns.map((run) => run.perSecond),
          goal: { text: ">= 0.95", met: (ratio) => ratio >= 0.95 },
        },
        {
          what: "longest gap",
          unit: "ms",
          ours: warm.map((run) => run.gap),
          theirs: rivalRuns.map((run) => run.gap),
        },
        { what: "first token, prompt 1,300", unit: "ms", ours: long, theirs: rivalLong },
      ]),
    );
  }
  process.exitCode = checks.every(Boolean) ? 0 : 1;
} finally {
  rival?.kill("SIGKILL");
  await rm(script, { force: true });
}
