import type { Endpoint } from "../endpoint.ts";
import type { AgentConfig, Edit, EmitInput } from "./agent.ts";
import { authorityEnv } from "./authorities.ts";
import { litellmWindow } from "./litellm-window.ts";
import { DEAD_END_URL, loopbackOnly } from "./loopback-only.ts";

/** First call: 18 tools and a system prompt, 15,290 tokens with the tools rendered (measured); the rest is work. */
export const ML_INTERN_MINIMUM_CONTEXT = 32_768;

/** Keys of its configuration that keep it at home, for every generation. An unknown key is ignored by 0.1.0. */
export function quietKeys(): Edit[] {
  return [
    // Sessions stay pending on disk, and the next run with a network would upload them.
    { path: ["save_sessions"], value: false },
    { path: ["share_traces"], value: false },
    { path: ["auto_file_upload"], value: false },
    { path: ["reasoning_effort"], value: null },
    // The file is merged over the packaged one, so a server can be pointed nowhere but not removed.
    {
      path: ["mcpServers", "hf-mcp-server"],
      value: { transport: "http", url: `${DEAD_END_URL}/mcp` },
    },
  ];
}

/** Variables that keep it at home. `token` is what `HF_TOKEN` is set to. */
export function quietEnv(
  { endpoint, supportDir }: EmitInput,
  token: string,
): Record<string, string> {
  return {
    // Its own description of the hub, fetched at every start, has no other switch.
    ...loopbackOnly(endpoint),
    ...authorityEnv(endpoint),
    LITELLM_LOCAL_MODEL_COST_MAP: "True",
    HF_TOKEN: token,
    HUGGING_FACE_HUB_TOKEN: token,
    // A token that the user once saved must not be found.
    HF_TOKEN_PATH: `${supportDir}/no-hub-token`,
    ML_INTERN_SLACK_NOTIFICATIONS: "false",
  };
}

/** The start-up file that tells LiteLLM the window, and the variable that makes Python load it. */
export function tellWindow(
  input: EmitInput,
  modelId: string,
  provider: string,
): Pick<AgentConfig, "files" | "searchPaths"> {
  return {
    searchPaths: { PYTHONPATH: input.supportDir },
    files: [
      {
        path: `${input.supportDir}/sitecustomize.py`,
        format: "text",
        owner: "ours",
        secrets: [],
        edits: [{ path: [], value: litellmWindow(input.endpoint, modelId, provider) }],
      },
    ],
  };
}

/** What a user of any generation should know. */
export function commonNotes(endpoint: Endpoint): string[] {
  return [
    "It exits 0 even when it failed: a headless run is good when stderr says `--- Agent turn_complete`.",
    "Without a terminal it runs the model's shell commands unasked: use a container or a spare account.",
    `It is told a window of ${endpoint.contextWindow} tokens and compacts before that is full.`,
    "Web search, papers and the hub's tools fail: nothing but the endpoint can be reached.",
  ];
}
