import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GATEWAY_IMAGE } from "../offline/gateway-container.ts";
import { ollama } from "../engines/ollama.ts";
import { parseReference } from "../models/reference.ts";
import { openStore } from "../models/store.ts";
import { freePort } from "../testing/gateway-rig.ts";
import { requireDocker } from "../testing/require-docker.ts";
import { type TestHost, testHost } from "../testing/test-host.ts";

const run = promisify(execFile);
const runtime = await requireDocker();
const compose = runtime === undefined ? false : await hasCompose();

const PROJECT = "stack-test-compose";
const KEY = "sk-of-a-compose-test";
const FOLDER = join(import.meta.dirname, "..", "..", "compose");

/** The plugin is no part of every Docker; where Docker is required, it is too. */
async function hasCompose(): Promise<boolean> {
  try {
    await run("docker", ["compose", "version"]);
    return true;
  } catch (error) {
    if (process.env["STACK_REQUIRE_DOCKER"] === "1") throw error;
    return false;
  }
}

describe.skipIf(!compose)("the files of compose/, with the real Compose", () => {
  let rig: TestHost;
  let env: Record<string, string | undefined>;
  let port: number;
  let files: readonly string[];

  const docker = async (...args: readonly string[]): Promise<string> => {
    const named = files.flatMap((name) => ["--file", join(FOLDER, name)]);
    const all = ["compose", "--project-name", PROJECT, ...named, ...args];
    return (await run("docker", all, { env })).stdout;
  };
  const get = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      headers: { authorization: `Bearer ${KEY}`, "content-type": "application/json" },
      ...init,
    });

  beforeAll(async () => {
    const { stdout } = await run("node", ["scripts/test-registry.ts", "start"]);
    const { model } = JSON.parse(stdout) as { model: string };
    rig = await testHost();
    const store = openStore(rig.context);
    await store.ensure(parseReference(model), {
      insecureRegistries: [],
      offline: false,
      ca: undefined,
    });
    port = await freePort();
    const facts = await runtime?.facts();
    files = facts?.gatewayModes ? ["ollama.yaml", "sealed.yaml"] : ["ollama.yaml"];
    env = {
      ...process.env,
      STACK_PORT: `${port}`,
      STACK_MODELS: store.root,
      STACK_KEY_SHA256: createHash("sha256").update(KEY).digest("hex"),
      STACK_ENGINE_IMAGE: ollama.image.built,
      STACK_GATEWAY_IMAGE: GATEWAY_IMAGE.built,
      STACK_CONTEXT: "2048",
      STACK_MEMORY: "2g",
    };
    await docker("up", "--detach");
  });
  afterAll(async () => {
    if (files === undefined) return;
    await docker("down", "--volumes", "--timeout", "1");
    await rig[Symbol.asyncDispose]();
    const left = await run("docker", ["ps", "--all", "--quiet", "--filter", `name=${PROJECT}`]);
    expect(left.stdout).toBe("");
  });

  it("bring up a stack that answers with real tokens", async () => {
    let models: { data?: { id: string }[] } = {};
    for (let turn = 0; turn < 300 && models.data === undefined; turn += 1) {
      await delay(100);
      const answer = await get("/v1/models").catch(() => undefined);
      if (answer?.ok) models = (await answer.json()) as typeof models;
    }
    const [model] = models.data ?? [];
    const answer = await get("/v1/chat/completions", {
      method: "POST",
      body: JSON.stringify({
        model: model?.id,
        max_tokens: 5,
        messages: [{ role: "user", content: "Count to five." }],
      }),
    });
    expect(await answer.json()).toMatchObject({
      choices: [{ message: { content: expect.stringMatching(/\S/) } }],
      usage: { completion_tokens: 5 },
    });
    const ps = (await (await get("/api/ps")).json()) as { models: { context_length: number }[] };
    expect(ps.models[0]?.context_length).toBe(2048);
  });

  it.each([
    ["no key", 401, "/v1/models", { headers: {} }],
    ["pull", 404, "/api/pull", { method: "POST", body: "{}" }],
    ["a foreign page", 403, "/v1/models", { headers: { origin: "https://evil.example" } }],
  ])("%s is %i", async (_, status, path, init) => {
    expect((await get(path, init)).status).toBe(status);
  });

  it("have the engine on the sealed network alone, hardened like any other", async () => {
    const id = (await docker("ps", "--quiet", "engine")).trim();
    const engine = await runtime?.containers.inspect(id);
    expect(Object.keys(engine?.networks ?? {})).toEqual([`${PROJECT}_sealed`]);
    const { stdout } = await run("docker", ["inspect", "--format", "{{json .HostConfig}}", id]);
    expect(JSON.parse(stdout)).toMatchObject({
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges"],
      ReadonlyRootfs: true,
      IpcMode: "private",
      PidsLimit: 2048,
      Memory: 2 * 1024 ** 3,
      MemorySwap: 2 * 1024 ** 3,
    });
    const networks = await runtime?.networks.list({ "com.docker.compose.project": PROJECT });
    expect(networks?.find(({ internal }) => internal)).toMatchObject({ gateways: [] });
  });

  it("say what is missing", async () => {
    const bare = { ...env, STACK_MODELS: "", STACK_KEY_SHA256: "" };
    const file = join(FOLDER, "ollama.yaml");
    const config = run("docker", ["compose", "--file", file, "config"], { env: bare });
    await expect(config).rejects.toThrow(/STACK_MODELS|STACK_KEY_SHA256/);
  });

  it("reserve the GPUs by the overlay", async () => {
    files = [...files, "gpu.yaml"];
    const merged = await docker("config", "--format", "json");
    files = files.slice(0, -1);
    expect(JSON.parse(merged).services.engine.deploy.resources.reservations.devices).toEqual([
      { driver: "nvidia", count: -1, capabilities: ["gpu"] },
    ]);
  });
});
