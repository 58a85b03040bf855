/** What the stub says: the two questions of ours, and the list. Where one is missing, `error`. */
export interface Recording {
  readonly query?: string;
  readonly table?: string;
  readonly list?: string;
  readonly error?: string;
}

const row = (index: number, uuid: string): string =>
  `${index}, ${uuid}, NVIDIA A10, 570.133.20, 23028, 22512`;
const listed = (index: number, uuid: string): string => `GPU ${index}: NVIDIA A10 (UUID: ${uuid})`;
const head = (cuda: string): string =>
  `+-----------------------------------------------------------------------------------------+
| NVIDIA-SMI 570.133.20             Driver Version: 570.133.20     CUDA Version: ${cuda}     |
|-----------------------------------------+------------------------+----------------------+`;

// Those of https://github.com/NVIDIA/nvidia-container-toolkit/issues/1227
const FIRST = "GPU-f15ae561-21b1-6003-c768-861fc285203b";
const SECOND = "GPU-466be1f8-6148-1a27-a450-592604f3df54";

/** nvidia-smi as it was seen; the sources of the errors are with `src/plan/gpu/causes.test.ts`. */
export const RECORDINGS = {
  "one GPU": { query: row(0, FIRST), table: head("12.8"), list: listed(0, FIRST) },
  "two GPUs": {
    query: `${row(0, FIRST)}\n${row(1, SECOND)}`,
    table: head("12.8"),
    list: `${listed(0, FIRST)}\n${listed(1, SECOND)}`,
  },
  "old driver": { query: row(0, FIRST), table: head("11.4"), list: listed(0, FIRST) },
  "NVML: Unknown Error": { error: "Failed to initialize NVML: Unknown Error" },
  "NVML: mismatch": {
    error:
      "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 570.133",
  },
  "no devices": { error: "No devices were found" },
} as const satisfies Record<string, Recording>;
