import { execFile } from "node:child_process";
import { basename, dirname } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GateFacts, runGate } from "../gate/run-gate.ts";
import { type EngineRig, engineRig } from "../testing/engine-rig.ts";
import { requireDocker } from "../testing/require-docker.ts";
import { starterModel } from "../testing/starter-model.ts";
import { testHost } from "../testing/test-host.ts";
import type { EngineInput } from "./engine.ts";
import { vllm } from "./vllm.ts";

const run = promisify(execFile);
const docker = await requireDocker();
const image = await docker?.images.inspect(vllm.image.built);

/** Keys and values, 30 layers, 3 heads of 64, two bytes each: SmolLM2-135M in bfloat16. */
const KV_BYTES_PER_TOKEN = 2 * 30 * 3 * 64 * 2;
const CONTEXT = 8192;
const MODEL = "smollm2:135m";

// 6.6 GB: the image is there only when it was asked for, `node scripts/test-images.ts vllm`.
describe.skipIf(image === undefined)("vLLM for CPUs, sealed and behind the gateway", () => {
  let rig: EngineRig;
  let facts: GateFacts;

  const ask = (path: string, body: object): Promise<Response> =>
    fetch(`${rig.origin}${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${rig.key}`, "content-type": "application/json" },
      body: JSON.stringify({ model: MODEL, max_tokens: 60, ...body }),
    });
  const question = [{ role: "user", content: "How warm is it in Bern?" }];
  const tools = [
    {
      type: "function",
      function: {
        name: "get_weather",
        parameters: {
          type: "object",
          properties: { city: { type: "string" } },
          required: ["city"],
        },
      },
    },
  ];

  beforeAll(async () => {
    if (docker === undefined) return;
    const { stdout } = await run("node", ["scripts/test-snapshot.ts", await starterModel()]);
    const folder = stdout.trim();
    const told: EngineInput = {
      model: {
        reference: `file:${folder}`,
        servedName: MODEL,
        facts: {
          architecture: "llama",
          trainedContext: CONTEXT,
          hasChatTemplate: true,
          templateHasTools: false,
          chatFamily: "chatml",
        },
      } as EngineInput["model"],
      servedName: MODEL,
      context: CONTEXT,
      parallel: 1,
      maxOutputTokens: 2048,
      storeDir: dirname(folder),
      weightsPath: `/models/${basename(folder)}`,
      kvBytesPerToken: KV_BYTES_PER_TOKEN,
      extraArgs: [],
    };
    const signal = AbortSignal.timeout(800_000);
    rig = await engineRig(docker, vllm, told, {
      image: vllm.image.built,
      memoryBytes: 8 * 1024 ** 3,
      signal,
    });
    await using host = await testHost();
    facts = await runGate(host.context, vllm.probes(told), {
      origin: rig.origin,
      apiKey: rig.key,
      timeoutMs: 700_000,
      watch: async (ended) => {
        const { exitCode } = await docker.containers.waitExit(rig.engine, ended);
        throw new Error(`vLLM ended with ${exitCode}`);
      },
      tail: () => docker.containers.tail(rig.engine, 50),
    });
  });
  afterAll(async () => {
    await (rig as EngineRig | undefined)?.[Symbol.asyncDispose]();
  });

  it("climbs the gate and tells its true window", () => {
    expect(facts).toMatchObject({ context_length: CONTEXT, engineVersion: "0.32.0" });
  });

  it("accepts tools, and returns a call when it must", async () => {
    const free = await ask("/v1/chat/completions", {
      messages: question,
      tools,
      tool_choice: "auto",
    });
    expect(free.status).toBe(200);
    const forced = await ask("/v1/chat/completions", {
      messages: question,
      tools,
      tool_choice: "required",
      temperature: 0,
    });
    const { choices } = (await forced.json()) as {
      choices: { message: { tool_calls?: { function: { name: string } }[] } }[];
    };
    expect(choices[0]?.message.tool_calls?.[0]?.function.name).toBe("get_weather");
  });

  it.each([false, true])(
    "refuses a prompt of 40,000 tokens by OpenAI's code, stream: %s",
    async (stream) => {
      const messages = [{ role: "user", content: "word ".repeat(40_000) }];
      const answer = await ask("/v1/chat/completions", { stream, messages });
      expect(answer.status).toBe(400);
      expect(await answer.json()).toMatchObject({ error: { code: "context_length_exceeded" } });
    },
  );

  it.each([
    "/invocations",
    "/pause",
    "/update_weights",
    "/scale_elastic_ep",
    "/inference/v1/generate",
  ])("does not let %s through", async (path) => {
    expect((await ask(path, {})).status).toBe(404);
  });
});
