import type { Check } from "./check.ts";
import { diskCheck } from "./disk.ts";
import { dockerCheck } from "./docker.ts";
import { gpuCheck } from "./gpu.ts";
import { isolationCheck } from "./isolation.ts";
import { nodeCheck } from "./node.ts";
import { portCheck } from "./port.ts";
import { securityCheck } from "./security.ts";
import { sourcesCheck } from "./sources.ts";

/** In the order in which they are shown, and in which a failure decides the exit status. */
export const CHECKS: readonly Check[] = [
  nodeCheck,
  dockerCheck,
  isolationCheck,
  gpuCheck,
  securityCheck,
  diskCheck,
  portCheck,
  sourcesCheck,
];
