#!/usr/bin/env node
// pnpm setup:gpu [--apply | --undo]
// From a bare Debian, Ubuntu or Fedora to containers that have the NVIDIA GPU. Without a flag it says what it would do. Ends
// with the status of `stack doctor --gpu all`.
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { $ } from "zx";
import { z } from "zod";
import { isErrno, writeFileAtomic } from "../src/host/atomic-write.ts";
import { createHost } from "../src/host/real-host.ts";
import { gpuFacts } from "../src/host/gpu-facts.ts";
import {
  readDistribution,
  setupObstacle,
  setupSteps,
  type SetupStep,
} from "../src/plan/gpu/setup-steps.ts";

const host = createHost();
/** Ids of the steps that this script has done: it takes back no others. */
const RECORD = join(host.paths.state, "setup-gpu.json");
const STACK = join(import.meta.dirname, "stack.ts");

async function main(flag: string | undefined): Promise<void> {
  const distribution = readDistribution(readFileSync("/etc/os-release", "utf8"));
  if (distribution === undefined) {
    throw new Error("this is neither Debian, Ubuntu nor Fedora: see docs/gpu-workstation.md");
  }
  const gpu = await gpuFacts(host, { signal: new AbortController().signal });
  const steps = setupSteps(distribution, gpu.kind);
  const obstacle = flag === "--undo" ? undefined : setupObstacle(gpu);
  if (obstacle !== undefined) throw new Error(obstacle);
  if (flag === undefined) await show(steps);
  else if (flag === "--apply") await apply(steps);
  else if (flag === "--undo") await undo(steps);
  else throw new Error("usage: setup-gpu.ts [--apply | --undo]");
}

async function show(steps: readonly SetupStep[]): Promise<void> {
  for (const step of steps) {
    const done = await isDone(step);
    console.log(`${done ? "done" : "to do"}  ${step.title}`);
    if (!done) for (const command of step.commands) console.log(`       ${command}`);
  }
  console.log("pnpm setup:gpu --apply does it, --undo takes back what --apply has done.");
}

async function apply(steps: readonly SetupStep[]): Promise<void> {
  const done = [...remembered(steps)];
  for (const step of steps) {
    if (await isDone(step)) {
      console.log(`done   ${step.title}`);
      continue;
    }
    console.log(`doing  ${step.title}`);
    if (!done.includes(step.id)) done.push(step.id);
    await remember(done);
    await runAll(step.commands);
    if (await isDone(step)) continue;
    if (!step.reboot) throw new Error(`${step.title}: done, and \`${step.check}\` still fails`);
    console.log("Restart the machine (sudo reboot), then: pnpm setup:gpu --apply");
    return;
  }
  // Its GPU check runs a container with the GPU and asks it.
  const doctor = $({ stdio: "inherit", nothrow: true })`node ${STACK} doctor --gpu all`;
  process.exitCode = (await doctor).exitCode ?? 1;
}

async function undo(steps: readonly SetupStep[]): Promise<void> {
  let done = remembered(steps);
  for (const step of steps.toReversed()) {
    if (!done.includes(step.id)) continue;
    console.log(`undoing  ${step.title}`);
    await runAll(step.undo);
    done = done.filter((id) => id !== step.id);
    await remember(done);
  }
  rmSync(RECORD, { force: true });
}

async function isDone({ check }: SetupStep): Promise<boolean> {
  return (await $({ nothrow: true, quiet: true })`sh -c ${check}`).exitCode === 0;
}

async function runAll(commands: readonly string[]): Promise<void> {
  for (const command of commands) {
    console.log(`+ ${command}`);
    await $({ stdio: "inherit" })`sh -c ${command}`;
  }
}

/** A record that can't be read is not an empty one: `--undo` would leave what was done, and say nothing. */
function remembered(steps: readonly SetupStep[]): readonly string[] {
  try {
    return z.array(z.string()).parse(JSON.parse(readFileSync(RECORD, "utf8")));
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    const why = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    const ids = steps.map(({ id }) => id).join(", ");
    throw new Error(
      `${RECORD}, the list of what setup:gpu has done here, can't be read, so nothing was changed: ${why}\nWrite it anew, as a JSON list out of: ${ids}; or delete it, and --undo will take back nothing of that.`,
      { cause: error },
    );
  }
}

async function remember(ids: readonly string[]): Promise<void> {
  await writeFileAtomic(RECORD, JSON.stringify(ids), { mode: 0o600 });
}

try {
  await main(process.argv[2]);
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
