import { existsSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { freeOfAmdgpu } from "../plan/gpu/amdgpu-memory.ts";
import {
  type DeviceNode,
  type HostGpu,
  NO_HOST_GPU,
  type RenderNode,
} from "../plan/gpu/host-gpu.ts";
import {
  readCudaVersion,
  readGpuDevices,
  readModuleVersion,
  SMI_QUERY,
} from "../plan/gpu/nvidia-smi.ts";
import type { Host } from "./host.ts";

/** Milliseconds for programs, at the same time: nvidia-smi takes a second where the driver sleeps between uses, and for ever where it hangs. */
const PROGRAM_MS = 2500;
/** What is left for the rest: files. */
const FILES_MS = 500;
/** Exit status of one that took longer, as `timeout` of the coreutils has it. */
const TIMED_OUT = 124;

/** PCI vendor ids: https://pci-ids.ucw.cz */
const VENDORS: Readonly<Record<string, RenderNode["vendor"]>> = {
  "0x10de": "nvidia",
  "0x1002": "amd",
  "0x8086": "intel",
};

/**
 * What this machine says of its GPUs. Never throws, except for an abort, and never takes longer than three seconds, or half a
 * second more than `programMs`: a program that fails is a complaint beside what is known without it, all that fails is no GPU.
 * `root`: where `/` is, for tests.
 */
export async function gpuFacts(
  host: Pick<Host, "exec" | "clock">,
  options: {
    readonly signal: AbortSignal;
    readonly root?: string;
    readonly programMs?: number;
  },
): Promise<HostGpu> {
  const { signal, root = "/", programMs = PROGRAM_MS } = options;
  const finished = new AbortController();
  const stop = AbortSignal.any([signal, finished.signal]);
  try {
    const late = host.clock.sleep(programMs + FILES_MS, stop).then(() => NO_HOST_GPU);
    return await Promise.race([gather(host, root, programMs, stop).catch(() => NO_HOST_GPU), late]);
  } finally {
    finished.abort();
  }
}

async function gather(
  host: Pick<Host, "exec" | "clock">,
  root: string,
  programMs: number,
  signal: AbortSignal,
): Promise<HostGpu> {
  const [kind, kfd, renderNodes, hardware] = await Promise.all([
    machineKind(root),
    deviceNode(root, "/dev/kfd"),
    renderNodesOf(root),
    hasNvidia(root),
  ]);
  // Without the hardware no program is started: most machines are spared the time.
  const nvidia = hardware ? await askNvidia(host, root, programMs, signal) : NO_HOST_GPU.nvidia;
  return { kind, kfd, renderNodes, nvidia };
}

async function askNvidia(
  host: Pick<Host, "exec" | "clock">,
  root: string,
  programMs: number,
  signal: AbortSignal,
): Promise<HostGpu["nvidia"]> {
  const within = { timeoutMs: programMs, signal };
  const [module, smi, table, toolkit] = await Promise.all([
    text(root, "/proc/driver/nvidia/version"),
    ask(host, "nvidia-smi", SMI_QUERY, within),
    ask(host, "nvidia-smi", [], within),
    ask(host, "nvidia-ctk", ["--version"], within),
  ]);
  const devices = readGpuDevices(smi?.output ?? "");
  return {
    hardware: true,
    driverVersion: readModuleVersion(module ?? "") ?? devices[0]?.driverVersion,
    cudaVersion: readCudaVersion(table?.output ?? ""),
    devices,
    complaint: smi === undefined || devices.length > 0 ? undefined : smi.output.trim(),
    ...(smi?.exitCode === TIMED_OUT ? { late: true } : {}),
    // One that is slow is there.
    toolkit: toolkit?.exitCode === 0 || toolkit?.exitCode === TIMED_OUT,
  };
}

interface Answer {
  readonly exitCode: number;
  readonly output: string;
}

/** Undefined when the program is not there. */
async function ask(
  { exec, clock }: Pick<Host, "exec" | "clock">,
  program: string,
  args: readonly string[],
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<Answer | undefined> {
  const silent: Answer = {
    exitCode: TIMED_OUT,
    output: `${program} gave no answer within ${timeoutMs / 1000} s.`,
  };
  const answer = async (): Promise<Answer | undefined> => {
    try {
      const { exitCode, stdout, stderr } = await exec(program, args, { timeoutMs, signal });
      if (exitCode === TIMED_OUT) return silent;
      return exitCode === 127 ? undefined : { exitCode, output: `${stdout}${stderr}` };
    } catch (error) {
      signal.throwIfAborted();
      const why = error instanceof Error ? error.message : String(error);
      return { exitCode: 126, output: `${program} could not be started: ${why}` };
    }
  };
  // One that waits inside a driver that hangs does not even end when it is killed.
  return Promise.race([answer(), clock.sleep(timeoutMs, signal).then(() => silent)]);
}

async function machineKind(root: string): Promise<HostGpu["kind"]> {
  if (existsSync(join(root, "/etc/nv_tegra_release"))) return "jetson";
  // "…-microsoft-standard-WSL2": the kernel that Windows runs Linux with.
  return /microsoft/i.test((await text(root, "/proc/version")) ?? "") ? "wsl" : "native";
}

async function hasNvidia(root: string): Promise<boolean> {
  const dev = await names(root, "/dev");
  if (dev.some((name) => /^nvidia\d+$/.test(name)) || dev.includes("dxg")) return true;
  if (existsSync(join(root, "/etc/nv_tegra_release"))) return true;
  const slots = await names(root, "/sys/bus/pci/devices");
  const found = await Promise.all(
    slots.map(async (slot) => {
      const folder = join("/sys/bus/pci/devices", slot);
      const vendor = await text(root, join(folder, "vendor"));
      // Display controllers are class 03; a card's sound device has the same vendor.
      return (
        vendor?.trim() === "0x10de" &&
        (await text(root, join(folder, "class")))?.startsWith("0x03") === true
      );
    }),
  );
  return found.includes(true);
}

async function renderNodesOf(root: string): Promise<readonly RenderNode[]> {
  const dri = (await names(root, "/dev/dri")).filter((name) => /^renderD\d+$/.test(name));
  const nodes = await Promise.all(
    dri.map(async (name): Promise<readonly RenderNode[]> => {
      const node = await deviceNode(root, `/dev/dri/${name}`);
      const about = (file: string): Promise<string | undefined> =>
        text(root, `/sys/class/drm/${name}/device/${file}`);
      const vendor = VENDORS[(await about("vendor"))?.trim() ?? ""] ?? "other";
      const total = await about("mem_info_vram_total");
      const freeBytes = freeOfAmdgpu(total, await about("mem_info_vram_used"));
      const totalBytes = freeOfAmdgpu(total, "0");
      return node === undefined ? [] : [{ ...node, vendor, freeBytes, totalBytes }];
    }),
  );
  const number = ({ path }: RenderNode): number => Number(/\d+$/.exec(path)?.[0]);
  return nodes.flat().sort((a, b) => number(a) - number(b));
}

async function deviceNode(root: string, path: string): Promise<DeviceNode | undefined> {
  const found = await stat(join(root, path)).catch(() => undefined);
  return found === undefined ? undefined : { path, gid: found.gid };
}

async function text(root: string, path: string): Promise<string | undefined> {
  return readFile(join(root, path), "utf8").catch(() => undefined);
}

async function names(root: string, path: string): Promise<readonly string[]> {
  return readdir(join(root, path)).catch(() => []);
}
