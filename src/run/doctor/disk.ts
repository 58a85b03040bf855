import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { dirname } from "node:path";
import { isErrno } from "../../host/atomic-write.ts";
import { formatBytes } from "../../models/bytes.ts";
import { freeBytes } from "../../models/download/disk-space.ts";
import { openStore } from "../../models/store.ts";
import type { Check, Finding } from "./check.ts";
import { wantedModel } from "./needs.ts";

/** The starter model takes 0.1 GB; a model that an agent can work with, 3 GB and more. */
const TOO_LITTLE_BYTES = 0.3e9;
const COMFORTABLE_BYTES = 10e9;

export const diskCheck: Check = {
  id: "disk",
  title: "Model store",
  deadlineMs: 3000,
  run: async (world) => {
    const { root } = openStore(world);
    const [folder, wanted] = await Promise.all([nearestFolder(root), wantedModel(world)]);
    const fetches = wanted !== undefined;
    if (!(await isWritable(folder))) return [readOnlyFinding(folder, fetches)];
    return [diskFinding(root, await freeBytes(folder), fetches)];
  },
};

/** `fetches`: the model is yet to come. What is here serves without. */
export function readOnlyFinding(folder: string, fetches: boolean): Finding {
  return {
    ...(fetches ? NO_ROOM : { status: "warning" }),
    summary: `${folder} is not writable, and the models belong below it`,
    fix: "set STACK_MODELS_DIR to a folder of yours",
  };
}

export function diskFinding(root: string, free: number, fetches: boolean): Finding {
  const summary = `${formatBytes(free)} free for ${root}`;
  const fix = "free space with `stack models rm`, or set STACK_MODELS_DIR to another disk";
  if (free < TOO_LITTLE_BYTES && fetches) return { ...NO_ROOM, summary, fix };
  return free < COMFORTABLE_BYTES ? { status: "warning", summary, fix } : { status: "ok", summary };
}

const NO_ROOM = { status: "failed", code: "DOES_NOT_FIT" } as const;

/** The folder itself, or the nearest above it that exists. */
async function nearestFolder(folder: string): Promise<string> {
  try {
    await access(folder);
    return folder;
  } catch (error) {
    const parent = dirname(folder);
    if (parent === folder || !isErrno(error, "ENOENT", "ENOTDIR")) return folder;
    return nearestFolder(parent);
  }
}

async function isWritable(folder: string): Promise<boolean> {
  return access(folder, constants.W_OK).then(
    () => true,
    () => false,
  );
}
