import * as z from "zod";
import type { GpuDevice } from "./verdict.ts";

/** Arguments of nvidia-smi whose answer `readGpuDevices` reads: one line for each GPU. */
export const SMI_QUERY = [
  "--query-gpu=index,uuid,name,driver_version,memory.total,memory.free",
  "--format=csv,noheader,nounits",
] as const;

/** Arguments whose answer `readComputeApps` reads: one line for each process on each GPU. */
export const APPS_QUERY = [
  "--query-compute-apps=gpu_uuid,pid,used_memory",
  "--format=csv,noheader,nounits",
] as const;

const MIB = 1024 * 1024;

// GPUs that share the machine's memory answer `[N/A]`.
const mebibytes = z
  .string()
  .transform((text) => (/^\d+$/.test(text) ? Number(text) * MIB : undefined));

const rowSchema = z.tuple([
  z.string().regex(/^\d+$/).transform(Number),
  z.string().regex(/^(GPU|MIG)-\S+$/),
  z.string().min(1),
  z.string().regex(/^\d+(\.\d+)+$/),
  mebibytes,
  mebibytes,
]);

/** The GPUs that nvidia-smi listed; what is no line of the table (warnings, errors) is left out. Bytes. */
export function readGpuDevices(text: string): readonly GpuDevice[] {
  return text.split("\n").flatMap((line) => {
    const row = rowSchema.safeParse(line.split(",").map((cell) => cell.trim()));
    if (!row.success) return [];
    const [index, uuid, name, driverVersion, totalBytes, freeBytes] = row.data;
    return [{ index, uuid, name, driverVersion, totalBytes, freeBytes }];
  });
}

/** A process that computes on a GPU, and what it has of its memory; undefined where the driver does not tell (Windows manages it). Bytes. */
export interface ComputeApp {
  readonly uuid: string;
  readonly pid: number;
  readonly usedBytes: number | undefined;
}

const appSchema = z.tuple([
  z.string().regex(/^(GPU|MIG)-\S+$/),
  z.string().regex(/^\d+$/).transform(Number),
  mebibytes,
]);

/** The processes that nvidia-smi listed; what is no line of the table is left out. */
export function readComputeApps(text: string): readonly ComputeApp[] {
  return text.split("\n").flatMap((line) => {
    const row = appSchema.safeParse(line.split(",").map((cell) => cell.trim()));
    if (!row.success) return [];
    const [uuid, pid, usedBytes] = row.data;
    return [{ uuid, pid, usedBytes }];
  });
}

/** The newest CUDA that the driver serves, from the head of nvidia-smi's table; only there it says. */
export function readCudaVersion(text: string): string | undefined {
  return /CUDA(?: UMD)? Version:\s*(\d+\.\d+)/.exec(text)?.[1];
}

/** From `/proc/driver/nvidia/version`: the version of the kernel module that is loaded. */
export function readModuleVersion(text: string): string | undefined {
  return /^NVRM version:.*?\s(\d+\.\d+(?:\.\d+)?)\s/m.exec(text)?.[1];
}
