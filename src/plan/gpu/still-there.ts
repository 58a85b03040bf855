import { explainGpuWords } from "./causes.ts";
import type { GpuFault } from "./verdict.ts";

/**
 * Asks a running container whether it still has its GPU: opens the device nodes, as a reload of systemd takes away the right to,
 * and lets nvidia-smi look where it is there.
 */
export const STILL_THERE_SCRIPT = `
for n in /dev/nvidiactl /dev/kfd; do
  [ -e "$n" ] || continue
  ( : < "$n" ) 2>/dev/null || { echo "@closed $n"; exit 0; }
done
command -v nvidia-smi >/dev/null 2>&1 && nvidia-smi -L 2>&1
exit 0
`;

/** The fault in what the script printed; undefined when all is well, or nothing in the container can tell. */
export function judgeStillThere(output: string): GpuFault | undefined {
  const closed = /^@closed (\S+)/m.exec(output)?.[1];
  if (closed !== undefined) {
    return lost({
      state: "broken",
      cause: "cgroup-driver",
      why: `The container may not open ${closed} any more, as after a reload of systemd.`,
      evidence: [closed],
      next: "",
    });
  }
  if (/^\s*GPU \d+:/m.test(output)) return undefined;
  const fault = explainGpuWords(output);
  return fault === undefined ? undefined : lost(fault);
}

/** A new container gets the GPU back, if the machine itself still has it. */
function lost(fault: GpuFault): GpuFault {
  return { ...fault, next: fault.next === "sudo reboot" ? fault.next : "stack restart" };
}
