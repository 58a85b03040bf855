import { fileURLToPath } from "node:url";
import { StackError } from "../errors.ts";
import type { RunContext } from "../run-context.ts";
import { GPU_OF_PROCESS } from "./engine-process.ts";

const PROBE = fileURLToPath(new URL("../embedded/gpu-probe.ts", import.meta.url));

/** Milliseconds to load llama.cpp and look for a GPU: a good half second where all is well. */
const LOOK_MS = 20_000;

/**
 * `GPU_UNUSABLE` where the embedded engine finds none: it would say so itself, when what ran before is gone. In a process of its
 * own, as a driver that crashes takes the process with it.
 */
export async function requireGpuOfProcess({ host, signal }: RunContext): Promise<void> {
  const { stdout } = await host.exec(process.execPath, [PROBE], { timeoutMs: LOOK_MS, signal });
  signal.throwIfAborted();
  if (stdout.trim() !== "") return;
  throw new StackError("GPU_UNUSABLE", {
    what: "The embedded engine can't compute on a GPU.",
    why: "A GPU was asked for, and llama.cpp found none that the installed binaries can use.",
    next: GPU_OF_PROCESS,
  });
}
