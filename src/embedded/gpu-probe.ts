// `node src/embedded/gpu-probe.ts`: prints what llama.cpp would compute on besides the processor, and nothing where it finds none.
import { getLlama } from "node-llama-cpp";
import { PREBUILT } from "./llama/prebuilt.ts";

const { gpu } = await getLlama({
  ...PREBUILT,
  gpu: "auto",
  logger: () => {},
});
if (gpu !== false) process.stdout.write(`${gpu}\n`);
// oxlint-disable-next-line unicorn/no-process-exit -- llama.cpp's threads keep the process alive
process.exit();
