import { containerEngines } from "../../engines/index.ts";
import { gpuFacts } from "../../host/gpu-facts.ts";
import { decideGpu, type GpuDecision } from "../../plan/gpu/decide.ts";
import type { HostGpu } from "../../plan/gpu/host-gpu.ts";
import { type GpuPolicy, gpuDemanded, parseGpuPolicy } from "../../plan/gpu/policy.ts";
import type { GpuVerdict } from "../../plan/gpu/verdict.ts";
import { engineAccelerators } from "../gpu.ts";
import { gpuPreflight } from "../gpu-preflight.ts";
import { firstImageHere, preflightImages } from "../stack-images.ts";
import type { Check, CheckWorld, Finding } from "./check.ts";

export const gpuCheck: Check = {
  id: "gpu",
  title: "GPU",
  // A driver that hangs is found out by the preflight's own deadline.
  deadlineMs: 45_000,
  run: async (world) => {
    const policy = parseGpuPolicy(world.settings.gpu);
    if (policy === "none") return [{ status: "skipped", summary: "`gpu` is `none`" }];
    const [daemon, host] = await Promise.all([
      world.docker().catch(() => undefined),
      gpuFacts(world.host, { signal: world.signal }),
    ]);
    if (daemon === undefined) return [withoutDaemon(host)];
    const decision = decideGpu({
      policy,
      daemon,
      // Whatever there is, is to be told of, also for engines that are not chosen now.
      accelerators: [...new Set(containerEngines().flatMap(engineAccelerators))],
      host: daemon.local ? host : undefined,
    });
    return [gpuFinding(policy, decision, await tried(world, decision))];
  },
};

/** Without a daemon only what the machine says can be told. */
export function withoutDaemon({ nvidia, kfd }: HostGpu): Finding {
  const found = [
    ...nvidia.devices.map(({ name }) => name),
    ...(nvidia.devices.length === 0 && nvidia.hardware ? ["an NVIDIA GPU"] : []),
    ...(kfd === undefined ? [] : ["an AMD GPU"]),
  ];
  const summary = found.length > 0 ? found.join(", ") : "none found; engines use the processor";
  return { status: "ok", summary };
}

/** `verdict`: of a container that was given the devices; undefined where none could be run. */
export function gpuFinding(
  policy: GpuPolicy,
  { devices, fault }: Pick<GpuDecision, "devices" | "fault">,
  verdict: GpuVerdict | undefined,
): Finding {
  const wrong = fault ?? (verdict?.state === "usable" ? undefined : verdict);
  if (wrong !== undefined) {
    const { why, next, evidence, cause } = wrong;
    const told = { summary: `${why} (${cause})`, detail: evidence, fix: next };
    if (gpuDemanded(policy)) return { status: "failed", code: "GPU_UNUSABLE", ...told };
    if (wrong.state === "broken") return { status: "warning", ...told };
    if (wrong.state === "unasked") return { status: "ok", summary: why, detail: evidence };
    return { status: "ok", summary: "none found; engines use the processor" };
  }
  if (verdict === undefined) {
    const ways = devices.map(({ driver }) => driver).join(", ");
    return { status: "ok", summary: `offered through ${ways}; not tried, as no image is here yet` };
  }
  const { evidence } = verdict;
  return { status: "ok", summary: `a container sees ${evidence[0] ?? "it"}`, detail: evidence };
}

async function tried(
  world: CheckWorld,
  { devices, accelerator }: GpuDecision,
): Promise<GpuVerdict | undefined> {
  if (devices.length === 0) return undefined;
  const { connect } = await import("../../docker/connect.ts");
  const runtime = await connect(world.host, { signal: world.signal });
  const images = containerEngines().flatMap(({ image }) =>
    preflightImages(image, world.settings, {}),
  );
  const image = await firstImageHere(runtime, images, world.signal);
  if (image === undefined) return undefined;
  return gpuPreflight(world, runtime, {
    stack: "doctor",
    image: image.reference,
    devices,
    accelerator,
  });
}
