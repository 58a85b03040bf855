import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { NO_HOST_GPU } from "../plan/gpu/host-gpu.ts";
import { testHost } from "../testing/test-host.ts";
import { gpuFacts } from "./gpu-facts.ts";
import type { ExecResult, Host } from "./host.ts";

async function look(
  files: Readonly<Record<string, string>>,
  exec: Host["exec"],
  clock?: Host["clock"],
): ReturnType<typeof gpuFacts> {
  await using rig = await testHost({ exec, ...(clock && { clock }) });
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(rig.home, path)), { recursive: true });
    await writeFile(join(rig.home, path), text);
  }
  return gpuFacts(rig.host, { signal: rig.abort.signal, root: rig.home });
}

const answer = (stdout: string, exitCode = 0): ExecResult => ({ exitCode, stdout, stderr: "" });
const missing = async (): Promise<ExecResult> => answer("", 127);
const CARD = {
  "sys/bus/pci/devices/0000:01:00.0/vendor": "0x10de\n",
  "sys/bus/pci/devices/0000:01:00.0/class": "0x030000\n",
};

it("starts no program on a machine without the hardware", async () => {
  const exec = (): never => {
    throw new Error("started");
  };
  const sound = {
    "sys/bus/pci/devices/0000:01:00.1/vendor": "0x10de\n",
    "sys/bus/pci/devices/0000:01:00.1/class": "0x040300\n",
  };
  expect(await look(sound, exec)).toEqual(NO_HOST_GPU);
});

it("sees a card without a driver", async () => {
  const { nvidia } = await look(CARD, missing);
  expect(nvidia).toEqual({ ...NO_HOST_GPU.nvidia, hardware: true });
});

it("keeps what nvidia-smi complains of", async () => {
  const words = "Failed to initialize NVML: Driver/library version mismatch";
  const exec: Host["exec"] = async (file) =>
    file === "nvidia-smi" ? answer(words, 18) : answer("", 127);
  expect(await look(CARD, exec)).toMatchObject({
    nvidia: { hardware: true, devices: [], complaint: words, toolkit: false },
  });
});

/** Time passes at once for whoever waits shorter than the whole may take, which is three seconds. */
const impatient: Host["clock"] = {
  now: () => 0,
  monotonic: () => 0,
  sleep: (ms) => (ms < 3000 ? new Promise((resolve) => setImmediate(resolve)) : never),
};
const never = new Promise<never>(() => {});

it.each<[string, Host["exec"], string, boolean]>([
  ["hangs", () => never, "nvidia-smi gave no answer within 2.5 s.", true],
  [
    "is killed for it",
    async () => answer("", 124),
    "nvidia-smi gave no answer within 2.5 s.",
    true,
  ],
  [
    "can't be started",
    () => Promise.reject(new Error("spawn EACCES")),
    "nvidia-smi could not be started: spawn EACCES",
    false,
  ],
])(
  "keeps what needs no program where each of them %s",
  async (_title, exec, complaint, toolkit) => {
    const loaded =
      "NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.133.20  Sun Mar 30 07:08:42 UTC 2025\n";
    const files = { ...CARD, "proc/driver/nvidia/version": loaded, "dev/kfd": "" };
    expect(await look(files, exec, impatient)).toMatchObject({
      kfd: { path: "/dev/kfd" },
      nvidia: { hardware: true, driverVersion: "570.133.20", devices: [], complaint, toolkit },
    });
  },
);

it("is nothing when all of it takes too long, so that no other command waits for it", async () => {
  const late: Host["clock"] = {
    ...impatient,
    sleep: (ms) => (ms < 3000 ? never : Promise.resolve()),
  };
  expect(await look(CARD, () => never, late)).toEqual(NO_HOST_GPU);
});

it("knows AMD's nodes, WSL and Jetson", async () => {
  const amd = {
    "dev/kfd": "",
    "dev/dri/renderD128": "",
    "sys/class/drm/renderD128/device/vendor": "0x1002\n",
  };
  expect(await look(amd, missing)).toMatchObject({
    kfd: { path: "/dev/kfd" },
    renderNodes: [{ path: "/dev/dri/renderD128", vendor: "amd" }],
  });
  const wsl = { "proc/version": "Linux version 5.15.167.4-microsoft-standard-WSL2", "dev/dxg": "" };
  expect(await look(wsl, missing)).toMatchObject({ kind: "wsl", nvidia: { hardware: true } });
  expect(await look({ "etc/nv_tegra_release": "" }, missing)).toMatchObject({ kind: "jetson" });
});

// Totals are from the reports that are named, and of the first card what was in use.
it.each([
  // https://github.com/marimo-team/marimo/issues/9237, an RX 7900 XT
  ["a card", "21458059264", "27856896", 21_458_059_264 - 27_856_896],
  // https://github.com/Ricks-Lab/gpu-utils/issues/118, an RX 570
  ["a small card", "4294967296", "0", 4_294_967_296],
  // https://github.com/clbr/radeontop/issues/163: 512 MiB, while it may use 7695 of the machine's
  ["a GPU in the processor", "536870912", "147849216", undefined],
  ["a driver that does not say", undefined, undefined, undefined],
  ["a driver that says nonsense", "N/A", "0", undefined],
])("knows what of %s of AMD's is free", async (_title, total, used, freeBytes) => {
  const device = "sys/class/drm/renderD129/device";
  const found = await look(
    {
      "dev/kfd": "",
      "dev/dri/renderD128": "",
      "sys/class/drm/renderD128/device/vendor": "0x8086\n",
      "dev/dri/renderD129": "",
      [`${device}/vendor`]: "0x1002\n",
      ...(total === undefined ? {} : { [`${device}/mem_info_vram_total`]: `${total}\n` }),
      ...(used === undefined ? {} : { [`${device}/mem_info_vram_used`]: `${used}\n` }),
    },
    missing,
  );
  expect(found.renderNodes).toMatchObject([
    { vendor: "intel", freeBytes: undefined },
    { vendor: "amd", freeBytes },
  ]);
});
