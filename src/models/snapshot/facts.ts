import * as z from "zod";
import { StackError } from "../../errors.ts";
import type { ModelFacts } from "../model.ts";
import { templateFacts } from "../template-facts.ts";
import { shapeOfConfig } from "./memory-shape.ts";
import type { SafetensorsHeader } from "./safetensors.ts";

/** The texts of a snapshot, by file name, and what the headers of its weights say. */
export interface SnapshotTexts {
  readonly text: (file: string) => string | undefined;
  readonly headers: readonly SafetensorsHeader[];
}

const word = z.string().min(1).optional().catch(undefined);
const count = z.int().positive().optional().catch(undefined);

/** Names that the window has in configurations (vLLM, `_get_and_verify_max_len`). */
const windows = {
  max_position_embeddings: count,
  n_positions: count,
  max_seq_len: count,
  seq_length: count,
  max_sequence_length: count,
};
const dtypes = { dtype: word, torch_dtype: word };
const quantisation = z
  .looseObject({ quant_method: word, bits: count, w_bit: count, quant_algo: word })
  .optional()
  .catch(undefined);

const configSchema = z.looseObject({
  model_type: word,
  architectures: z.array(z.string()).optional().catch(undefined),
  ...windows,
  ...dtypes,
  quantization_config: quantisation,
  // Models that also see keep here what counts for text.
  text_config: z
    .looseObject({ ...windows, ...dtypes })
    .optional()
    .catch(undefined),
});
type Config = z.infer<typeof configSchema>;

const indexSchema = z.looseObject({
  metadata: z.looseObject({ total_parameters: count }).optional().catch(undefined),
});

/** What the files of a snapshot say about the model. `MODEL_UNAVAILABLE` when its `config.json` cannot be read or names no architecture. */
export function snapshotFacts({ text, headers }: SnapshotTexts, name: string): ModelFacts {
  const config = readConfig(text("config.json"), name);
  const architecture = config.model_type ?? config.architectures?.[0];
  if (architecture === undefined) throw unreadable(name);
  const quantised = config.quantization_config;
  const trainedContext = windowOf(config.text_config) ?? windowOf(config);
  const parameters =
    parse(indexSchema, text("model.safetensors.index.json"))?.metadata?.total_parameters ??
    // Packed weights are several parameters in one number.
    (quantised === undefined ? headers.reduce((sum, each) => sum + each.parameters, 0) : 0);
  const quant = quantisationOf(config, headers);
  return {
    architecture,
    ...(trainedContext === undefined ? {} : { trainedContext }),
    ...(quant === undefined ? {} : { quantisation: quant }),
    ...(parameters > 0 ? { parameters } : {}),
    ...templateFacts(snapshotTemplate(text), architecture),
    memory: shapeOfConfig(config) ?? null,
  };
}

const namedTemplates = z.array(z.object({ name: z.string(), template: z.string() }));
const tokenizerSchema = z.looseObject({
  chat_template: z.union([z.string(), namedTemplates]).optional().catch(undefined),
});

/** The chat template (Jinja) that engines use: the file of its own goes before the one inside `tokenizer_config.json`, and one for tools before the usual one. */
export function snapshotTemplate(text: (file: string) => string | undefined): string | undefined {
  const own = text("chat_template.jinja");
  if (own !== undefined && own !== "") return own;
  for (const file of ["chat_template.json", "tokenizer_config.json"]) {
    const found = parse(tokenizerSchema, text(file))?.chat_template;
    const chosen =
      typeof found === "string"
        ? found
        : ["tool_use", "default"]
            .map((wanted) => found?.find((each) => each.name === wanted)?.template)
            .find((each) => each !== undefined);
    if (chosen !== undefined && chosen !== "") return chosen;
  }
  return undefined;
}

function windowOf(config: Partial<Record<keyof typeof windows, number | undefined>> | undefined) {
  if (config === undefined) return undefined;
  const names = Object.keys(windows) as (keyof typeof windows)[];
  return names.map((key) => config[key]).find((value) => value !== undefined);
}

/** `AWQ-4bit`, `FP8`, else the type of the weights: `BF16`. */
function quantisationOf(config: Config, headers: readonly SafetensorsHeader[]): string | undefined {
  const {
    quant_method: method,
    quant_algo: algorithm,
    bits,
    w_bit,
  } = config.quantization_config ?? {};
  const width = bits ?? w_bit;
  if (method !== undefined) {
    const known = (algorithm ?? method).toUpperCase();
    return width === undefined ? known : `${known}-${width}bit`;
  }
  const stored = headers[0]?.dtype;
  if (stored !== undefined) return stored;
  const said = config.dtype ?? config.torch_dtype ?? config.text_config?.dtype;
  return said?.toUpperCase();
}

function readConfig(text: string | undefined, name: string): Config {
  const config = parse(configSchema, text);
  if (config === undefined) throw unreadable(name);
  return config;
}

function parse<T>(schema: z.ZodType<T>, text: string | undefined): T | undefined {
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function unreadable(name: string): StackError {
  return new StackError("MODEL_UNAVAILABLE", {
    what: `The config.json of ${name} cannot be used.`,
    why: "It is not JSON, or does not say what kind of model it is.",
    next: "choose another repository or folder",
  });
}
