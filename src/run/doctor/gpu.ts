import { engineImage } from "../../engines/engine-image.ts";
import type { ContainerEngine } from "../../engines/engine.ts";
import { containerEngines } from "../../engines/index.ts";
import { gpuFacts } from "../../host/gpu-facts.ts";
import { GATEWAY_IMAGE } from "../../offline/gateway-container.ts";
import { decideGpu, type GpuDecision } from "../../plan/gpu/decide.ts";
import type { HostGpu } from "../../plan/gpu/host-gpu.ts";
import { type GpuPolicy, gpuDemanded, parseGpuPolicy } from "../../plan/gpu/policy.ts";
import type { GpuVerdict } from "../../plan/gpu/verdict.ts";
import { engineAccelerators } from "../gpu.ts";
import { gpuPreflight } from "../gpu-preflight.ts";
import { readImageLock } from "../image-lock.ts";
import { firstImageHere, preflightImages } from "../stack-images.ts";
import type { Check, CheckWorld, Finding } from "./check.ts";

export const gpuCheck: Check = {
  id: "gpu",
  title: "GPU",
  // A driver that hangs is found out by the preflight's own deadline.
  deadlineMs: 150_000,
  run: async (world) => {
    const policy = parseGpuPolicy(world.settings.gpu);
    if (policy === "none") return [{ status: "skipped", summary: "`gpu` is `none`" }];
    const [daemon, host] = await Promise.all([
      world.docker().catch(() => undefined),
      gpuFacts(world.host, { signal: world.signal }),
    ]);
    if (daemon === undefined) return [withoutDaemon(policy, host)];
    const decision = decideGpu({
      policy,
      daemon,
      accelerators: [...new Set(asked(world).flatMap(engineAccelerators))],
      host: daemon.local ? host : undefined,
    });
    return [gpuFinding(policy, decision, await tried(world, decision))];
  },
};

/** The engine that is chosen; where that runs in no container, whatever GPU there is for any is to be told of. */
function asked({ settings }: CheckWorld): readonly ContainerEngine[] {
  const all = containerEngines();
  const chosen = all.filter(({ name }) => name === settings.engine);
  return chosen.length > 0 ? chosen : all;
}

/** Without a daemon only what the machine says can be told. */
export function withoutDaemon(policy: GpuPolicy, { nvidia, kfd }: HostGpu): Finding {
  const found = [
    ...nvidia.devices.map(({ name }) => name),
    ...(nvidia.devices.length === 0 && nvidia.hardware ? ["an NVIDIA GPU"] : []),
    ...(kfd === undefined ? [] : ["an AMD GPU"]),
  ];
  const summary = found.length > 0 ? found.join(", ") : "none found; engines use the processor";
  const detail = nvidia.complaint === undefined ? {} : { detail: [nvidia.complaint] };
  if (!gpuDemanded(policy)) return { status: "ok", summary, ...detail };
  const fix = "start Docker, or set DOCKER_HOST";
  const untried = `${summary}; not tried, as no container daemon is reached`;
  return { status: "failed", code: "DOCKER_UNREACHABLE", summary: untried, ...detail, fix };
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
    const summary = `offered through ${ways}; not tried, as no image is here yet`;
    if (!gpuDemanded(policy)) return { status: "ok", summary };
    const { repository, tag } = GATEWAY_IMAGE;
    return { status: "warning", summary, fix: `docker pull ${repository}:${tag}` };
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
  const locked = await readImageLock(world.lockFile).catch(() => ({}));
  // The chosen engine's own tells most: whether it is built for a newer CUDA, too.
  const images = [...asked(world), ...containerEngines()].flatMap((engine) =>
    preflightImages(engineImage(engine, accelerator), world.settings, locked),
  );
  const image = await firstImageHere(runtime, images, world.signal);
  if (image === undefined) return undefined;
  const { reference } = image;
  const look = { stack: "doctor", image: reference, devices, accelerator };
  const verdict = await gpuPreflight(world, runtime, look);
  return { ...verdict, evidence: [...verdict.evidence, `tried in ${reference}`] };
}
