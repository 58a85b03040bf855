/**
 * What a card has less than this of is no memory of its own, but the part of the machine's that the firmware sets aside for a
 * GPU inside the processor, mostly 512 MiB; that one takes what it needs from the rest. Ollama's `IGPUMemLimit`
 * (discover/gpu.go) draws the line here too.
 */
const LEAST_OWN_BYTES = 2 ** 30;

/** Free bytes by `mem_info_vram_total` and `mem_info_vram_used` of the kernel's driver (Documentation/gpu/amdgpu/driver-misc.rst). */
export function freeOfAmdgpu(
  total: string | undefined,
  used: string | undefined,
): number | undefined {
  const [all, taken] = [bytes(total), bytes(used)];
  if (all === undefined || taken === undefined || all < LEAST_OWN_BYTES) return undefined;
  return Math.max(0, all - taken);
}

function bytes(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+\s*$/.test(text) ? Number(text) : undefined;
}
