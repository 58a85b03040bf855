import type { DeviceRequest } from "../../docker/runtime.ts";
import type { Accelerator } from "../../engines/engine.ts";
import { CDI_GENERATE, explainGpuWords, RUNTIME_CONFIGURE, UPDATE_DRIVER } from "./causes.ts";
import { readCudaVersion, readGpuDevices, SMI_QUERY } from "./nvidia-smi.ts";
import { servesCuda } from "./serves-cuda.ts";
import type { GpuFault, GpuVerdict } from "./verdict.ts";

/** Python is in the images of vLLM and SGLang; the number is CUDA's own error, 0 for none. */
const CU_INIT = 'import ctypes; print(ctypes.CDLL("libcuda.so.1").cuInit(0))';

/**
 * What the container is asked, in any image that has a shell. Lines that begin with `@` are for `readPreflight`:
 * device nodes and whether they may be used, CUDA's library, what the image was built for, what nvidia-smi says, what CUDA says.
 */
export const PREFLIGHT_SCRIPT = `
for n in /dev/nvidia[0-9]* /dev/nvidiactl /dev/nvidia-uvm /dev/dxg /dev/kfd /dev/dri/renderD*; do
  [ -e "$n" ] || continue
  if [ -r "$n" ] && [ -w "$n" ]; then echo "@node rw $n"; else echo "@node no $n"; fi
done
for f in /usr/lib/*/libcuda.so.1 /usr/lib64/libcuda.so.1 /usr/lib/libcuda.so.1 /usr/lib/wsl/lib/libcuda.so.1; do
  [ -e "$f" ] && echo "@libcuda $f"
done
echo "@image \${CUDA_VERSION:-}"
if command -v nvidia-smi >/dev/null 2>&1; then
  nvidia-smi ${SMI_QUERY.join(" ")} 2>&1 | sed 's/^/@smi /'
  nvidia-smi 2>&1 | sed 's/^/@table /'
fi
if command -v python3 >/dev/null 2>&1; then echo "@cuinit $(python3 -c '${CU_INIT}' 2>&1 | tail -n 1)"; fi
echo "@end"
`;

export interface PreflightSeen {
  readonly request: readonly DeviceRequest[];
  readonly accelerator: Accelerator;
  /** What the script printed; undefined when the container did not start. */
  readonly output: string | undefined;
  /** What the daemon said when it did not. */
  readonly refusal: string | undefined;
}

/** What a preflight found, as a verdict. */
export function judgePreflight(seen: PreflightSeen): GpuVerdict {
  const { output, refusal, request } = seen;
  if (output === undefined) {
    const words = refusal ?? "";
    return (
      explainGpuWords(words) ?? {
        state: "broken",
        cause: "unknown",
        why: "The daemon could not start a container with the GPU.",
        evidence: [words],
        next: "stack doctor -v",
      }
    );
  }
  return seen.accelerator === "cuda" ? judgeCuda(output, request) : judgeNodes(seen, output);
}

function judgeCuda(output: string, request: readonly DeviceRequest[]): GpuVerdict {
  const lines = tagged(output);
  const smi = lines("smi").join("\n");
  const devices = readGpuDevices(smi);
  const nodes = lines("node").map((line) => line.replace(/^\S+ /, ""));
  const libcuda = lines("libcuda");
  if (smi !== "" && devices.length === 0) {
    return (
      explainGpuWords(smi) ?? {
        state: "broken",
        cause: "nvml-error",
        why: "nvidia-smi in the container lists no GPU.",
        evidence: smi.split("\n").slice(0, 5),
        next: "nvidia-smi",
      }
    );
  }
  if (smi === "" && (nodes.length === 0 || libcuda.length === 0)) {
    return nothingCame(request, nodes);
  }
  const driver = readCudaVersion(lines("table").join("\n"));
  const tooOld =
    tooOldFor(lines("image")[0] ?? "", driver) ?? cudaRefuses(lines("cuinit")[0] ?? "");
  if (tooOld !== undefined) return tooOld;
  return {
    state: "usable",
    accelerator: "cuda",
    devices,
    evidence: [
      ...devices.map(
        ({ index, name, driverVersion }) => `GPU ${index}: ${name}, driver ${driverVersion}`,
      ),
      ...(devices.length === 0 ? [...nodes, ...libcuda] : []),
      ...(driver === undefined ? [] : [`CUDA up to ${driver}`]),
    ],
  };
}

/** The container started, and nothing had been added to it. */
function nothingCame(request: readonly DeviceRequest[], nodes: readonly string[]): GpuFault {
  const cdi = request.some(({ driver }) => driver === "cdi");
  return {
    state: "broken",
    cause: cdi ? "cdi-spec-stale" : "daemon-not-configured",
    why: cdi
      ? "The CDI specification adds neither CUDA's library nor nvidia-smi to a container."
      : "Docker's runtime `nvidia` adds nothing to a container.",
    evidence: nodes.length === 0 ? ["no device node, no nvidia-smi, no libcuda.so.1"] : nodes,
    next: cdi ? CDI_GENERATE : RUNTIME_CONFIGURE,
  };
}

/** CDI does not check what an image requires. */
function tooOldFor(image: string, driver: string | undefined): GpuFault | undefined {
  if (servesCuda(driver, image) !== false) return undefined;
  return {
    state: "broken",
    cause: "driver-too-old-for-image",
    why: `The image is built for CUDA ${image}, and the driver serves CUDA up to ${driver}.`,
    evidence: [`CUDA_VERSION=${image}`, `nvidia-smi: CUDA Version: ${driver}`],
    next: UPDATE_DRIVER,
  };
}

/** CUDA's own errors: 803 and 804 (driver and library do not fit), 100 (no device), https://docs.nvidia.com/cuda/cuda-driver-api. */
function cudaRefuses(answer: string): GpuFault | undefined {
  if (!/^\d+$/.test(answer) || answer === "0") return undefined;
  const known = explainGpuWords(answer === "803" ? "CUDA error 804" : `CUDA error ${answer}`);
  return {
    state: "broken",
    cause: answer === "100" ? "no-devices" : "nvml-error",
    why: `CUDA cannot be initialised in the container (error ${answer}).`,
    next: "sudo dmesg | grep -i nvrm",
    ...known,
    evidence: [`cuInit: ${answer}`],
  };
}

function judgeNodes({ accelerator, request }: PreflightSeen, output: string): GpuVerdict {
  const nodes = tagged(output)("node").map((line) => {
    const [may = "", path = ""] = line.split(" ");
    return { path, usable: may === "rw" };
  });
  const closed = nodes.filter(({ usable }) => !usable).map(({ path }) => path);
  if (nodes.length === 0) return nothingCame(request, []);
  if (closed.length > 0) {
    return {
      state: "broken",
      cause: "device-permission",
      why: `The engine's user may not open ${closed.join(", ")}.`,
      evidence: closed,
      next: `ls -ln ${closed.join(" ")}`,
    };
  }
  const evidence = nodes.map(({ path }) => path);
  return { state: "usable", accelerator, devices: [], evidence };
}

function tagged(output: string): (tag: string) => readonly string[] {
  const lines = output.split("\n");
  return (tag) =>
    lines
      .filter((line) => line.startsWith(`@${tag} `))
      .map((line) => line.slice(tag.length + 2).trim())
      .filter((line) => line !== "");
}
