import * as z from "zod";
import { READY } from "../endpoint.ts";
import { GPU_POLICY_PATTERN } from "./gpu/policy.ts";

/** Names of the registry in src/engines, which is not loaded to check a setting. A test holds them equal. */
export const ENGINE_NAMES = [
  "embedded",
  "llamacpp",
  "lmstudio",
  "ollama",
  "openai",
  "sglang",
  "vllm",
] as const;

const name = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/,
    "use 1 to 32 lower-case letters, digits and dashes",
  );

/** Everything a user can set, with its default. `stack.yaml` has exactly these keys. */
export const settingsSchema = z.strictObject({
  name: name.default("default").describe("Name of the stack."),
  engine: z.enum(ENGINE_NAMES).default("embedded").describe("What serves the model."),
  model: z
    .string()
    .min(1)
    .default("smollm2:135m")
    .describe("Model reference, or a name of the catalog."),
  context: z
    .union([z.int().min(256).max(4_194_304), z.literal("auto")])
    .default(32_768)
    .describe(
      "Tokens of one conversation; `auto` takes as many as the free memory holds. What the model was trained for is the cap, unless `stretch` is set.",
    ),
  stretch: z
    .boolean()
    .default(false)
    .describe("Let the context exceed what the model was trained for."),
  kvType: z
    .enum(["f16", "q8_0", "q4_0"])
    .default("f16")
    .describe("How keys and values are kept: q8_0 takes half the memory of f16, q4_0 a quarter."),
  overcommit: z
    .boolean()
    .default(false)
    .describe("Start even where the estimate says that the memory will not do."),
  parallel: z.int().min(1).max(64).default(1).describe("Conversations served at the same time."),
  maxOutputTokens: z
    .int()
    .min(1)
    .default(4096)
    .describe("Most tokens of one answer, told to agents and kept by the engine where it can."),
  port: z
    .int()
    .min(0)
    .max(65_535)
    .default(0)
    .describe("Port on 127.0.0.1; 0 takes a free one and keeps it."),
  gpu: z
    .string()
    .regex(GPU_POLICY_PATTERN, "write auto, all, none, or numbers or UUIDs of GPUs such as 0,1")
    .default("auto")
    .describe("Which GPUs the engine may use: auto, all, none, or their numbers or UUIDs."),
  image: z.string().min(1).optional().describe("Image of the engine, by exact tag or digest."),
  gatewayImage: z
    .string()
    .min(1)
    .optional()
    .describe("Image of the gateway, by exact tag or digest."),
  pull: z.enum(["missing", "always", "never"]).default("missing").describe("When to pull images."),
  memory: z
    .string()
    .regex(/^\d+(\.\d+)?[kmgtKMGT][iI]?[bB]?$/, "write a size such as 8g")
    .optional()
    .describe("Memory limit of the engine's container."),
  requireIsolated: z
    .boolean()
    .default(false)
    .describe("Refuse to run where the host is reachable from the sealed network."),
  allowVulnerable: z
    .boolean()
    .default(false)
    .describe("Run an engine older than its security floor."),
  insecureRegistries: z
    .array(z.string().min(1))
    .default([])
    .describe("Model registries that may be spoken to over plain HTTP, as host:port."),
  offline: z
    .boolean()
    .default(false)
    .describe("Never use the network: everything must be here already."),
  ca: z
    .string()
    .min(1)
    .optional()
    .describe("PEM file of extra certificate authorities, for downloads and image builds."),
  ready: z
    .enum(READY)
    .default("first-token")
    .describe(
      "How far `up` climbs: until a token comes, or until tools are taken and the whole context is proved.",
    ),
  url: z
    .string()
    .regex(/^https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/, "write http://host:port/v1")
    .optional()
    .describe("Where the server is that is adopted: for openai, lmstudio and `ollama --adopt`."),
  keyFile: z
    .string()
    .min(1)
    .optional()
    .describe("File with the key of the server that is adopted, and nothing else in it."),
  adopt: z
    .boolean()
    .default(false)
    .describe("Use the Ollama that runs on this machine already, and start none."),
  timeout: z
    .int()
    .min(1)
    .max(86_400)
    .default(600)
    .describe(
      "Seconds that `up` waits for the engine to be able to answer; other commands end after them.",
    ),
  engineArgs: z
    .array(z.string())
    .default([])
    .describe("Arguments for the engine itself, as after `--`."),
});
export type Settings = z.infer<typeof settingsSchema>;
export type SettingKey = keyof Settings;

export type Origin =
  | { readonly kind: "flag"; readonly flag: string }
  | { readonly kind: "environment"; readonly variable: string }
  | { readonly kind: "project"; readonly file: string }
  | { readonly kind: "user"; readonly file: string }
  | { readonly kind: "default" };

/** Settings, and for each key where its value came from. */
export interface ResolvedSettings {
  readonly values: Settings;
  readonly origins: Readonly<Record<SettingKey, Origin>>;
  /** The project's `stack.yaml`, where there is one: `stack.lock` lies beside it. */
  readonly projectFile?: string | undefined;
  /** Where that was looked for: it may be written later. */
  readonly projectFolder?: string | undefined;
}
