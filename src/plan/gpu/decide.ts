import type { DaemonFacts, DeviceRequest } from "../../docker/runtime.ts";
import type { Accelerator } from "../../engines/engine.ts";
import { CDI_GENERATE, explainGpuWords, JETPACK, RUNTIME_CONFIGURE, SETUP } from "./causes.ts";
import type { DeviceNode, HostGpu, RenderNode } from "./host-gpu.ts";
import { GPU_POLICY_PATTERN, type GpuPolicy } from "./policy.ts";
import type { GpuFault } from "./verdict.ts";

export interface GpuQuestion {
  readonly policy: GpuPolicy;
  /** What the engine has an image for. */
  readonly accelerators: readonly Accelerator[];
  readonly daemon: Pick<
    DaemonFacts,
    "product" | "local" | "runtimes" | "cdiSpecDirs" | "discoveredDevices"
  >;
  /** Undefined when the daemon is on another machine, or was not asked. */
  readonly host: HostGpu | undefined;
}

/** What the engine's container asks for. Whether it gets it, a preflight finds out. */
export interface GpuDecision {
  readonly devices: readonly DeviceRequest[];
  readonly accelerator: Accelerator;
  /** Why there is none, where none can be asked for. */
  readonly fault: GpuFault | undefined;
}

const CPU: GpuDecision = { devices: [], accelerator: "cpu", fault: undefined };

/**
 * Which devices to ask the daemon for: NVIDIA's through CDI, else through its runtime; AMD's through CDI, else by device nodes.
 * Render nodes of any make (Vulkan) only when a GPU was demanded: an integrated one is often no faster than the processor.
 */
export function decideGpu(question: GpuQuestion): GpuDecision {
  const { policy, accelerators } = question;
  if (policy === "none") return CPU;
  for (const choose of [nvidia, amd, ...(policy === "auto" ? [] : [vulkan])]) {
    const found = choose(question);
    if (found === undefined || !accelerators.includes(found.accelerator)) continue;
    return found;
  }
  return { ...CPU, fault: missing(question) };
}

function nvidia(question: GpuQuestion): GpuDecision | undefined {
  const { policy, daemon, host } = question;
  const cdi = cdiDevices(question, "nvidia.com/gpu");
  if (cdi !== undefined) return { ...cdi, accelerator: "cuda" };
  const ids = policy === "auto" || policy === "none" ? "all" : policy;
  const asked = (driver: "nvidia" | "nvidia-runtime"): GpuDecision => ({
    devices: [{ driver, ids }],
    accelerator: "cuda",
    fault: undefined,
  });
  if (daemon.runtimes.includes("nvidia")) return asked("nvidia-runtime");
  if (host === undefined || !host.nvidia.toolkit || host.nvidia.driverVersion === undefined) {
    return undefined;
  }
  // The daemon does not tell whether it found the toolkit's hook when it started, only trying does. Podman knows CDI alone.
  return daemon.product === "podman"
    ? {
        devices: [{ driver: "cdi", ids: qualified(ids, "nvidia.com/gpu") }],
        accelerator: "cuda",
        fault: undefined,
      }
    : asked("nvidia");
}

function amd(question: GpuQuestion): GpuDecision | undefined {
  const cdi = cdiDevices(question, "amd.com/gpu");
  if (cdi !== undefined) return { ...cdi, accelerator: "rocm" };
  const { host, policy } = question;
  const { kfd } = host ?? {};
  if (kfd === undefined) return undefined;
  const nodes = (host?.renderNodes ?? []).filter(({ vendor }) => vendor === "amd");
  const found = byNodes(nodes, policy, (some) => [kfd, ...some]);
  return found && { ...found, accelerator: "rocm" };
}

function vulkan({ host, policy }: GpuQuestion): GpuDecision | undefined {
  const nodes = (host?.renderNodes ?? []).filter(({ vendor }) => vendor !== "nvidia");
  const found = byNodes(nodes, policy);
  return found && { ...found, accelerator: "vulkan" };
}

/** Undefined when the daemon has discovered no device of that kind. One that was named and isn't there is a fault. */
function cdiDevices(
  { policy, daemon }: GpuQuestion,
  kind: string,
): Omit<GpuDecision, "accelerator"> | undefined {
  const there = daemon.discoveredDevices.filter((id) => id.startsWith(`${kind}=`));
  if (there.length === 0) return undefined;
  const request = (ids: readonly string[]): Omit<GpuDecision, "accelerator"> => ({
    devices: [{ driver: "cdi", ids }],
    fault: undefined,
  });
  if (typeof policy === "string") {
    const all = `${kind}=all`;
    return request(there.includes(all) ? [all] : there);
  }
  const wanted = qualified(policy, kind);
  const unknown = wanted.filter((id) => !there.includes(id));
  if (unknown.length === 0) return request(wanted);
  const known = policy.filter((_, index) => there.includes(wanted[index] ?? ""));
  const names = there.map((id) => id.slice(kind.length + 1));
  const [first = "all"] = names.filter((each) => GPU_POLICY_PATTERN.test(each));
  return unknownDevice(
    unknown,
    [`discovered: ${there.join(", ")}`],
    known.length > 0 ? known : [first],
  );
}

/** `instead`: what `--gpu` may be given. */
function unknownDevice(
  unknown: readonly string[],
  evidence: readonly string[],
  instead: readonly string[],
): Omit<GpuDecision, "accelerator"> {
  return {
    devices: [],
    fault: {
      state: "broken",
      cause: "unknown-device",
      why: `There is no ${unknown.join(", ")}.`,
      evidence,
      next: `stack up --gpu ${instead.join(",")}`,
    },
  };
}

function qualified(ids: readonly string[] | "all", kind: string): readonly string[] {
  return (ids === "all" ? ["all"] : ids).map((id) => `${kind}=${id}`);
}

/**
 * Indexes count the nodes of that kind; UUIDs name none of them. Undefined where none is meant, and a fault where not all are there:
 * what is named is meant exactly. `withOthers`: what must be handed out beside them.
 */
function byNodes(
  nodes: readonly RenderNode[],
  policy: GpuPolicy,
  withOthers: (nodes: readonly DeviceNode[]) => readonly DeviceNode[] = (some) => some,
): Omit<GpuDecision, "accelerator"> | undefined {
  const ids = typeof policy === "string" ? nodes.map((_, index) => `${index}`) : policy;
  const known = ids.filter((id) => nodes[Number(id)] !== undefined);
  if (known.length === 0) return undefined;
  if (known.length < ids.length) {
    const unknown = ids.filter((id) => !known.includes(id)).map((id) => `GPU ${id}`);
    return unknownDevice(
      unknown,
      nodes.map((node, index) => `${index}: ${nodeText(node)}`),
      known,
    );
  }
  const all = withOthers(known.flatMap((id) => nodes[Number(id)] ?? []));
  const paths = all.map(({ path }) => path);
  const groups = [...new Set(all.map(({ gid }) => gid))].sort((a, b) => a - b);
  return { devices: [{ driver: "nodes", paths, groups }], fault: undefined };
}

/** Why nothing can be asked for: the first thing that is missing, from the hardware up. */
function missing(question: GpuQuestion): GpuFault {
  const { policy, accelerators, daemon, host } = question;
  const fault = (
    state: GpuFault["state"],
    cause: GpuFault["cause"],
    why: string,
    next: string,
    evidence: readonly string[] = [],
  ): GpuFault => ({ state, cause, why, next, evidence });

  if (host === undefined) {
    return fault(
      "absent",
      "no-devices",
      "The container daemon offers no GPU, and its machine is not this one.",
      `${SETUP}, on that machine`,
    );
  }
  const { nvidia: card, kfd, renderNodes } = host;
  if (card.hardware && accelerators.includes("cuda")) {
    if (card.driverVersion === undefined && card.devices.length === 0) {
      const words = card.complaint === undefined ? undefined : explainGpuWords(card.complaint);
      return (
        words ??
        fault(
          "broken",
          "driver-missing",
          "There is an NVIDIA GPU, and its driver is not loaded.",
          SETUP_ON[host.kind].driver,
          card.complaint === undefined ? [] : [card.complaint],
        )
      );
    }
    const evidence = [`driver ${card.driverVersion ?? "unknown"}`];
    if (!card.toolkit) {
      const why = "There is an NVIDIA GPU, and the NVIDIA Container Toolkit is not installed.";
      return fault("broken", "toolkit-missing", why, SETUP_ON[host.kind].toolkit, evidence);
    }
    return daemon.cdiSpecDirs.length > 0
      ? fault(
          "broken",
          "cdi-spec-missing",
          `The daemon looks for CDI specifications in ${daemon.cdiSpecDirs.join(", ")} and finds none for a GPU.`,
          CDI_GENERATE,
          evidence,
        )
      : fault(
          "broken",
          "daemon-not-configured",
          "The NVIDIA Container Toolkit is installed, and the container daemon does not know it.",
          RUNTIME_CONFIGURE,
          evidence,
        );
  }
  const cards = [
    ...(card.hardware ? ["an NVIDIA GPU"] : []),
    // AMD's compute interface is there with every GPU of theirs, and without any.
    ...(kfd === undefined ? [] : renderNodes.filter(({ vendor }) => vendor === "amd")).map(
      nodeText,
    ),
  ];
  const seen = [...new Set([...cards, ...renderNodes.map(nodeText)])];
  if (seen.length > 0 && typeof policy !== "string") {
    const why = `There is no GPU ${policy.join(", ")} that the engine has an image for.`;
    const all = decideGpu({ ...question, policy: "all" });
    const next = `stack up --gpu ${all.fault === undefined ? "all" : "none"}`;
    return fault("absent", "unknown-device", why, next, seen);
  }
  if (cards.length > 0) {
    const why = "The engine has no image for the GPU that is here.";
    return fault("broken", "no-image-for-gpu", why, OTHER_ENGINE, cards);
  }
  if (seen.length > 0) {
    return accelerators.includes("vulkan")
      ? fault("unasked", "vulkan-only", VULKAN_ONLY, "stack up --gpu all", seen)
      : fault("unasked", "no-image-for-gpu", NO_VULKAN, OTHER_ENGINE, seen);
  }
  return fault("absent", "no-devices", "There is no GPU in this machine.", "stack up --gpu none");
}

/** What brings driver and toolkit, by kind of machine. */
const SETUP_ON: Readonly<
  Record<HostGpu["kind"], { readonly driver: string; readonly toolkit: string }>
> = {
  native: { driver: SETUP, toolkit: SETUP },
  wsl: { driver: "install NVIDIA's driver in Windows, then: wsl --update", toolkit: SETUP },
  jetson: { driver: JETPACK, toolkit: JETPACK },
};
const OTHER_ENGINE = "choose another engine, or --gpu none";
const VULKAN_ONLY =
  "The GPU that is here serves Vulkan alone, often no faster than the processor: it is used when it is asked for.";
const NO_VULKAN = "The GPU that is here serves Vulkan alone, for which the engine has no image.";

function nodeText({ vendor, path }: RenderNode): string {
  return `${vendor} ${path}`;
}
