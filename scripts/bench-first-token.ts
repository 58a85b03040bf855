#!/usr/bin/env node
// `pnpm bench:first-token [rounds]`: a warm `stack up` (embedded) from the start of the command to the first token, beside
// a ten-line script that loads the same model with node-llama-cpp and produces one token. One run, turns taken.
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { $, chalk } from "zx";
import { defaultThreads } from "../src/embedded/threads.ts";

$.verbose = false;
const rounds = Number(process.argv[2] ?? 7);
const home = await mkdtemp(join(tmpdir(), "stack-bench-"));
const stack = $({
  env: { ...process.env, HOME: home, DOCKER_HOST: "unix:///nowhere/docker.sock" },
});

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const time = async (work: () => Promise<unknown>): Promise<number> => {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
};

/** The largest blob of the store: the weights. */
async function weights(folder: string): Promise<string> {
  const files = await Promise.all(
    (await readdir(folder)).map(async (name) => {
      const path = join(folder, name);
      return { path, size: (await stat(path)).size };
    }),
  );
  return files.toSorted((a, b) => b.size - a.size)[0]!.path;
}

const SCRIPT = `
import { getLlama, LlamaChatSession } from "node-llama-cpp";
const [modelPath, contextSize, threads] = [process.argv[2], ...process.argv.slice(3).map(Number)];
const llama = await getLlama({ gpu: false, build: "never", logLevel: "error" });
const model = await llama.loadModel({ modelPath });
const context = await model.createContext({ contextSize, threads });
const session = new LlamaChatSession({ contextSequence: context.getSequence() });
await session.prompt("Hi", { maxTokens: 1 });
process.exit(0);
`;

try {
  // The first one fetches the model.
  const { stdout } = await stack`node scripts/stack.ts up --json`;
  const { endpoint } = JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as {
    readonly endpoint: { readonly contextWindow: number };
  };
  await stack`node scripts/stack.ts down`;
  const model = await weights(join(home, ".local/share/stack/models/blobs"));
  // Beside the project's scripts, so that it finds node-llama-cpp.
  const script = join("scripts", `.bench-ten-lines.${process.pid}.mjs`);
  await writeFile(script, SCRIPT);
  // More threads than free cores make either side slower by orders of magnitude: the same number for both.
  const threads = defaultThreads();
  const ours: number[] = [];
  const theirs: number[] = [];
  try {
    for (let round = 0; round < rounds; round += 1) {
      theirs.push(
        await time(() => $`node ${script} ${model} ${endpoint.contextWindow} ${threads}`),
      );
      ours.push(await time(() => stack`node scripts/stack.ts up --json`));
      await stack`node scripts/stack.ts down`;
    }
  } finally {
    await rm(script);
  }
  const ratio = median(ours) / median(theirs);
  const list = (values: readonly number[]): string => values.map((ms) => ms.toFixed(0)).join(" ");
  console.log(`ten lines of node-llama-cpp  ${median(theirs).toFixed(0)} ms  (${list(theirs)})`);
  console.log(`stack up, warm               ${median(ours).toFixed(0)} ms  (${list(ours)})`);
  const verdict = ratio <= 1.5 ? chalk.green("met") : chalk.red("missed");
  console.log(`ratio ${ratio.toFixed(2)}  goal at most 1.50  ${verdict}`);
  if (ratio > 1.5) process.exitCode = 1;
} finally {
  await stack`node scripts/stack.ts down`.nothrow();
  await rm(home, { recursive: true, force: true });
}
