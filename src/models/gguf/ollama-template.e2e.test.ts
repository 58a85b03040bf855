import { chmod, copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import * as z from "zod";
import { ollama } from "../../engines/ollama.ts";
import { createHost } from "../../host/real-host.ts";
import { requireDocker } from "../../testing/require-docker.ts";
import { starterStore } from "../../testing/starter-store.ts";
import { parseReference } from "../reference.ts";
import { openStore } from "../store.ts";
import { blobPath, makeFolder, manifestName, storeLayout } from "../store/layout.ts";
import { manifestForGguf } from "./ollama-manifest.ts";

const docker = await requireDocker();
const source = docker === undefined ? undefined : await starterStore();

/** A mark of each family's own template, which makes us choose ours for it. */
const FAMILIES = {
  chatml: "<|im_start|>",
  gemma: "<start_of_turn>",
  llama3: "<|start_header_id|>",
};

const answerSchema = z.object({ _debug_info: z.object({ rendered_template: z.string() }) });

describe.skipIf(docker === undefined || source === undefined)(
  "our templates in a real Ollama",
  () => {
    let root: string;
    let origin: string;
    let container: string | undefined;

    beforeAll(async () => {
      root = await mkdtemp(join(tmpdir(), "stack-templates-"));
      // The store leaves a folder that it did not make as private as it is.
      await chmod(root, 0o755);
      await fillStore(root, source ?? "");
      const hostPort = await freePort();
      origin = `http://127.0.0.1:${hostPort}`;
      container = await docker?.containers.create({
        name: `stack-test-templates-${hostPort}`,
        image: ollama.image.built ?? "",
        labels: { "stack.test": "templates" },
        entrypoint: ["/usr/bin/ollama"],
        command: ["serve"],
        env: {
          HOME: "/tmp",
          OLLAMA_MODELS: "/models",
          OLLAMA_HOST: "0.0.0.0:11434",
          OLLAMA_NOPRUNE: "1",
          OLLAMA_CONTEXT_LENGTH: "1024",
        },
        user: "65532:65532",
        network: "bridge",
        extraNetworks: [],
        networkAliases: [],
        ports: [{ hostIp: "127.0.0.1", hostPort, containerPort: 11434 }],
        mounts: [{ kind: "bind", source: root, target: "/models", readOnly: true }],
        tmpfs: { "/tmp": "size=64m,mode=1777" },
        memoryBytes: 2_000_000_000,
        pidsLimit: 256,
        shmBytes: undefined,
        stopSeconds: 1,
        restart: "no",
        dns: ["127.0.0.1"],
        devices: [],
      });
      await docker?.containers.start(container ?? "");
      await vi.waitFor(async () => expect((await fetch(`${origin}/api/version`)).ok).toBe(true), {
        timeout: 30_000,
        interval: 100,
      });
    });
    afterAll(async () => {
      if (container !== undefined) await docker?.containers.remove(container);
      await rm(root, { recursive: true, force: true });
    });

    async function post(path: string, body: object): Promise<unknown> {
      const response = await fetch(`${origin}${path}`, {
        method: "POST",
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(60_000),
      });
      expect(response.status).toBe(200);
      return response.json();
    }

    async function render(model: string, messages: readonly object[], tools: readonly object[]) {
      const body = { model, messages, tools, stream: false, _debug_render_only: true };
      return answerSchema.parse(await post("/api/chat", body))._debug_info.rendered_template;
    }

    const tool = {
      type: "function",
      function: {
        name: "look_up",
        description: "Looks it up",
        parameters: { type: "object", properties: { key: { type: "string" } }, required: ["key"] },
      },
    };
    const turn = [
      { role: "system", content: "SYSTEM" },
      { role: "user", content: "QUESTION" },
      {
        role: "assistant",
        content: "",
        tool_calls: [{ function: { name: "look_up", arguments: { key: 'a"b' } } }],
      },
      { role: "tool", content: "RESULT" },
    ];

    it.each(Object.keys(FAMILIES))("%s: Ollama accepts tools for it", async (family) => {
      expect(await post("/api/show", { model: `${family}:t` })).toMatchObject({
        capabilities: expect.arrayContaining(["tools"]),
      });
    });

    it.each(Object.keys(FAMILIES))(
      "%s: a turn with tools is written whole, in order",
      async (family) => {
        const text = await render(`${family}:t`, turn, [tool]);
        const places = ["SYSTEM", '"name":"look_up"', "QUESTION", '{"key":"a\\"b"}', "RESULT"].map(
          (piece) => text.indexOf(piece),
        );
        expect(places).not.toContain(-1);
        // Gemma has no place for a system text of its own; it still comes before the question.
        expect(places).toEqual(places.toSorted((a, b) => a - b));
        expect(text.trimEnd()).toMatch(/(assistant|model|assistant<\|end_header_id\|>)$/);
      },
    );

    it.each<readonly [keyof typeof FAMILIES, string]>([
      ["chatml", "<|im_start|>user\nHI<|im_end|>\n<|im_start|>assistant\n"],
      ["gemma", "<start_of_turn>user\nHI<end_of_turn>\n<start_of_turn>model\n"],
      [
        "llama3",
        "<|start_header_id|>user<|end_header_id|>\n\nHI<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
      ],
    ])("%s: a plain question is written as its makers write it", async (family, expected) => {
      expect(await render(`${family}:t`, [{ role: "user", content: "HI" }], [])).toBe(expected);
    });
  },
);

/** The starter's weights under three names, each with another of our templates: Ollama goes by the manifest alone. */
async function fillStore(target: string, from: string): Promise<void> {
  const host = createHost({ STACK_MODELS_DIR: from });
  const store = openStore({ host, emit: () => {}, signal: new AbortController().signal });
  const model = await store.find(parseReference("starter"));
  if (model === undefined) throw new Error("the starter model is not where the tests keep it");
  const layout = storeLayout(target);
  await makeFolder(target, layout.blobs);
  await copyFile(store.weightsPath(model), blobPath(layout, model.weights.digest));
  for (const [family, chatTemplate] of Object.entries(FAMILIES)) {
    const header = { facts: model.facts, chatTemplate };
    const { bytes } = await manifestForGguf(layout, model.weights, header);
    const path = join(
      target,
      manifestName({
        registry: "registry.ollama.ai",
        namespace: "library",
        name: family,
        tag: "t",
      }),
    );
    await makeFolder(target, dirname(path));
    await writeFile(path, bytes);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return port;
}
