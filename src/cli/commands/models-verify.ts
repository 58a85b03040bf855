import type { ModelFormat } from "../../models/model.ts";
import type { VerifyReport } from "../../models/store.ts";
import { ERROR_CODES } from "../../errors.ts";
import { defineCommand } from "../command.ts";
import { formatBytes } from "../../models/bytes.ts";

/** Without it a GGUF is pulled where the source has one. */
const ENGINE_FLAG: Readonly<Record<ModelFormat, string>> = {
  gguf: "",
  safetensors: " --engine vllm",
};

export const command = defineCommand({
  args: [
    {
      name: "model",
      summary: "Only this one; else all.",
      required: false,
      complete: "models",
    },
  ],
  flags: {},
  settings: [],
  streams: true,
  examples: [
    {
      command: "stack models verify",
      what: "The whole store; exit status 7 when a byte is wrong.",
    },
  ],
  run: async ({ context, args }): Promise<VerifyReport> => {
    const { openStore } = await import("../../models/store.ts");
    const { parseReference } = await import("../../models/reference.ts");
    const [model] = args;
    return openStore(context).verify(model === undefined ? undefined : parseReference(model));
  },
  text: ({ bad, files, bytes, models }) =>
    bad.length === 0
      ? `ok: ${files} files of ${models.length} models, ${formatBytes(bytes)}`
      : bad
          .map(
            ({ path, reason, usedBy }) =>
              `bad (${reason}): ${path}, used by ${usedBy.map(({ reference }) => reference).join(", ")}`,
          )
          .join("\n"),
  hints: ({ bad }, { stack }) => {
    const models = bad
      .flatMap(({ usedBy }) => usedBy)
      .map(({ reference, format }) => `${reference}${ENGINE_FLAG[format]}`);
    return [...new Set(models)].map(
      (model) => `Fetch it again: ${stack} models rm ${model} && ${stack} models pull ${model}`,
    );
  },
  exitCode: ({ bad }) => (bad.length === 0 ? 0 : ERROR_CODES.DIGEST_MISMATCH.exit),
});
