#!/usr/bin/env node
// `pnpm bench:memory [engine …]`: what `stack up --dry-run` says that a model takes beside what its processes have in memory, for
// two models and three contexts on each engine, after a prompt that fills the window. Needs root, a running engine (DOCKER_HOST)
// and its images: `node scripts/docker-engine.ts start 28.5`, `test-images.ts`, for vLLM and SGLang `test-images.ts vllm sglang`.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Agent, fetch } from "undici";
import { $, chalk } from "zx";
import { z } from "zod";
import { formatReadBy } from "../src/models/formats.ts";
import { engineMemory } from "../src/plan/fit/engine-memory.ts";
import { LARGE_IMAGES } from "../src/testing/large-images.ts";
import { containerProcesses, measureProcesses } from "../src/testing/resident-memory.ts";

$.verbose = false;
const GOAL = 0.1;
const MIB = 2 ** 20;
const NAME = `bench-memory-${process.pid}`;

interface Case {
  readonly model: string;
  readonly contexts: readonly number[];
  /** Most tokens of a prompt: attention over all layers makes longer ones take tens of minutes on two cores. */
  readonly most: number;
}
const SMOLLM2: Case = { model: "smollm2:135m", contexts: [2048, 8192, 32_768], most: 8192 };
const GEMMA3: Case = { model: "gemma3:270m", contexts: [2048, 8192, 32_768], most: 32_768 };
/** It does not go beyond what a model was trained for. */
const TRAINED: Case = { ...SMOLLM2, contexts: [2048, 4096, 8192] };
const CASES: Readonly<Record<string, readonly Case[]>> = {
  llamacpp: [SMOLLM2, GEMMA3],
  embedded: [SMOLLM2, GEMMA3],
  // Its threads, one for each processor, spin: on a busy machine it reads a few tokens a second.
  ollama: [TRAINED, GEMMA3],
  // The same two as safetensors, made out of the GGUF.
  vllm: [SMOLLM2, GEMMA3],
  sglang: [SMOLLM2, { ...GEMMA3, most: 8192 }],
};

/** Ollama does not stretch, and the version that package registries have is below the security floor. */
const FLAGS: Readonly<Record<string, readonly string[]>> = {
  ollama: ["--allow-vulnerable"],
  sglang: ["--stretch", "--image", LARGE_IMAGES.sglang],
};

const home = await mkdtemp(join(tmpdir(), "stack-bench-"));
const stack = $({ env: { ...process.env, HOME: home } });
const run = async (...args: readonly string[]): Promise<unknown> => {
  const { stdout } = await stack`node scripts/stack.ts ${args} --json`;
  const lines = stdout.trim().split("\n");
  // One object, or of NDJSON the last line.
  return JSON.parse(lines[0] === "{" ? stdout : (lines.at(-1) ?? ""));
};

const upSchema = z.object({
  fit: z.object({
    needed: z.object({
      weights: z.number(),
      kv: z.number(),
      compute: z.number(),
      runtime: z.number(),
      cache: z.number(),
      total: z.number(),
    }),
  }),
});
const startedSchema = z.object({
  endpoint: z.object({
    apiBase: z.string(),
    apiKey: z.string(),
    model: z.string(),
    contextWindow: z.number(),
  }),
});
const statusSchema = z.object({ parts: z.array(z.object({ role: z.string(), what: z.string() })) });
const pulledSchema = z.object({ model: z.object({ weights: z.object({ digest: z.string() }) }) });
const usageSchema = z.object({ usage: z.object({ prompt_tokens: z.number() }) });

/** What the engine is given: a name of the catalog, or the folder that is made of its GGUF. */
async function modelFor(engine: string, model: string): Promise<string> {
  const pulled = pulledSchema.parse(await run("models", "pull", model));
  if (formatReadBy(engine) === "gguf") return model;
  const digest = pulled.model.weights.digest.replace(":", "-");
  const blob = join(home, ".local/share/stack/models/blobs", digest);
  const made = await $`node scripts/test-snapshot.ts ${blob} ${model.replace(":", "-")}`;
  const reference = `file:${made.stdout.trim()}`;
  // The estimate needs to have seen it.
  await run("models", "pull", reference);
  return reference;
}

interface Row {
  readonly estimated: number;
  readonly measured: number;
  readonly text: string;
}

async function measure(
  engine: string,
  { model, most }: Case,
  reference: string,
  context: number,
): Promise<Row> {
  const wanted = ["up", engine, "--name", NAME, "--model", reference, "--context", `${context}`];
  const flags = FLAGS[engine] ?? ["--stretch"];
  const { needed } = upSchema.parse(await run(...wanted, ...flags, "--dry-run")).fit;
  try {
    const { endpoint } = startedSchema.parse(await run(...wanted, ...flags));
    if (endpoint.contextWindow !== context)
      throw new Error(`${engine} holds ${endpoint.contextWindow} tokens of ${context}`);
    const tokens = await fill(endpoint, Math.min(context, most));
    const memory = measureProcesses(await processesOf(engine));
    // Of other, earlier prompts: there are none here.
    const estimated = needed.total - engineMemory(engine).promptCacheBytes;
    const measured = memory.total;
    const cells = [
      engine.padEnd(9),
      model.padEnd(13),
      `${context}`.padStart(7),
      `${tokens}`.padStart(7),
      ...[needed.weights, needed.kv, estimated - needed.weights - needed.kv].map(mebibytes),
      mebibytes(estimated),
      mebibytes(measured),
      mebibytes(memory.anonymous + memory.shared),
      mebibytes(memory.files),
      percent(estimated / measured - 1),
    ];
    return { estimated, measured, text: cells.join(" ") };
  } finally {
    await run("down", "--name", NAME);
  }
}

/** Of a container all processes of its control group; the embedded engine is one. */
async function processesOf(engine: string): Promise<readonly number[]> {
  if (engine !== "embedded") {
    const { stdout } = await $`docker inspect --format {{.Id}} stack-${NAME}-engine`;
    return containerProcesses(stdout.trim());
  }
  const { parts } = statusSchema.parse(await run("status", "--name", NAME));
  const pid = /\d+/.exec(parts.find(({ role }) => role === "engine")?.what ?? "")?.[0];
  return [Number(pid)];
}

/** Words that are one token each, and room for the template and an answer; resolves with the tokens that were read. */
async function fill(
  endpoint: z.infer<typeof startedSchema>["endpoint"],
  tokens: number,
): Promise<number> {
  const content = "one ".repeat(tokens - 80);
  const answer = await fetch(`${endpoint.apiBase}/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${endpoint.apiKey}`, "content-type": "application/json" },
    body: JSON.stringify({
      model: endpoint.model,
      max_tokens: 1,
      messages: [{ role: "user", content }],
    }),
    // The first byte comes when all of it was read.
    dispatcher: new Agent({ headersTimeout: 0, bodyTimeout: 0 }),
    signal: AbortSignal.timeout(3_600_000),
  });
  if (!answer.ok) throw new Error(`HTTP ${answer.status}: ${await answer.text()}`);
  return usageSchema.parse(await answer.json()).usage.prompt_tokens;
}

function mebibytes(bytes: number): string {
  return (bytes / MIB).toFixed(0).padStart(8);
}

function percent(ratio: number): string {
  return `${ratio > 0 ? "+" : ""}${(ratio * 100).toFixed(1)} %`.padStart(9);
}

const engines = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(CASES);
const rows: Row[] = [];
try {
  console.log(
    `estimated: weights, keys and values, buffers and the program, as \`stack up --dry-run\` has them\nmeasured:  resident memory of all processes of the engine after a prompt of \`read\` tokens: their own, and pages of files\nMiB\n`,
  );
  console.log(
    "engine    model         context    read  weights       kv     rest estimated measured      own    files      diff",
  );
  for (const engine of engines) {
    for (const each of CASES[engine] ?? []) {
      const reference = await modelFor(engine, each.model);
      for (const context of each.contexts) {
        const row = await measure(engine, each, reference, context);
        rows.push(row);
        console.log(row.text);
      }
    }
  }
} finally {
  await rm(home, { recursive: true, force: true });
}
const worst = rows
  .map(({ estimated, measured }) => estimated / measured - 1)
  .reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
const met = rows.length > 0 && Math.abs(worst) <= GOAL;
console.log(
  `\nworst ${percent(worst).trim()}  goal within ${GOAL * 100} %  ${met ? chalk.green("met") : chalk.red("missed")}`,
);
process.exitCode = met ? 0 : 1;
