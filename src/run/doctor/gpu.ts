import { readdir } from "node:fs/promises";
import type { DaemonFacts } from "../../docker/runtime.ts";
import type { Settings } from "../../plan/settings.ts";
import type { Check, Finding } from "./check.ts";

export const gpuCheck: Check = {
  id: "gpu",
  title: "GPU",
  deadlineMs: 12_000,
  run: async ({ docker, settings }) => {
    const daemon = await docker().catch(() => undefined);
    const [dev, dri] = await Promise.all([names("/dev"), names("/dev/dri")]);
    return [gpuFinding({ dev, dri }, daemon, settings.gpu)];
  },
};

/** Names in `/dev` and `/dev/dri`; empty where there is no such folder. */
export interface Devices {
  readonly dev: readonly string[];
  readonly dri: readonly string[];
}

type DaemonGpu = Pick<DaemonFacts, "local" | "runtimes" | "discoveredDevices">;

/** In outline: which devices there are, and whether containers can be given them. Drivers are not asked. */
export function gpuFinding(
  devices: Devices,
  daemon: DaemonGpu | undefined,
  wanted: Settings["gpu"],
): Finding {
  const nvidia = devices.dev.filter((name) => /^nvidia\d+$/.test(name)).length;
  const found = [
    ...(nvidia > 0 ? [`${nvidia} NVIDIA`] : []),
    ...(devices.dev.includes("kfd") ? ["AMD (kfd)"] : []),
    ...(devices.dri.some((name) => name.startsWith("renderD")) ? ["a render device"] : []),
  ];
  const offers = daemon === undefined ? [] : daemonOffers(daemon);
  if (wanted === "none") return { status: "skipped", summary: "`gpu` is `none`" };
  if (offers.length > 0) {
    const host = found.length > 0 ? `${found.join(", ")}; ` : "";
    return { status: "ok", summary: `${host}containers get it through ${offers.join(", ")}` };
  }
  if (nvidia > 0 && daemon?.local === true) {
    return {
      ...verdict(wanted),
      summary: `${found.join(", ")} here, but Docker cannot hand it to containers`,
      fix: "install nvidia-container-toolkit, then: sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml",
    };
  }
  if (wanted === "all") {
    return {
      status: "failed",
      code: "GPU_UNUSABLE",
      summary: "`gpu` is `all`, and none was found",
      fix: "leave out --gpu, or install the driver and nvidia-container-toolkit",
    };
  }
  const summary = found.length > 0 ? found.join(", ") : "none found; engines use the processor";
  return { status: "ok", summary };
}

function daemonOffers({ runtimes, discoveredDevices }: DaemonGpu): readonly string[] {
  const cdi = discoveredDevices.filter((id) => /gpu=/.test(id));
  return [
    ...(cdi.length > 0 ? [`CDI (${cdi.join(", ")})`] : []),
    ...(runtimes.includes("nvidia") ? ["the runtime nvidia"] : []),
  ];
}

function verdict(wanted: Settings["gpu"]): Pick<Finding, "status" | "code"> {
  return wanted === "all" ? { status: "failed", code: "GPU_UNUSABLE" } : { status: "warning" };
}

async function names(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch(() => []);
}
