import type { Agent } from "./agent.ts";
import { authorityEnv } from "./authorities.ts";

/** Any program on an OpenAI client: the environment, and for programs that read one, a `.env` file. */
export const openai = {
  name: "openai",
  title: "OpenAI clients",
  summary: "Anything built on the OpenAI clients for Python or Node, by environment variables.",
  minimumContext: 0,
  needsTools: false,
  emit: ({ endpoint, cwd }) => {
    const env = {
      OPENAI_BASE_URL: endpoint.apiBase,
      OPENAI_API_KEY: endpoint.apiKey,
      // No client reads it by itself; programs need the id from somewhere.
      OPENAI_MODEL: endpoint.model,
      ...authorityEnv(endpoint),
    };
    return {
      env,
      searchPaths: {},
      files: [
        {
          path: `${cwd}/.env`,
          format: "dotenv",
          owner: "theirs",
          secrets: [["OPENAI_API_KEY"]],
          edits: Object.entries(env).map(([key, value]) => ({ path: [key], value })),
        },
      ],
      run: "python your-program.py",
      notes: [
        `The model is chosen in code: pass \`model: "${endpoint.model}"\`, or read OPENAI_MODEL.`,
        "A .env file holds the key: keep it out of version control.",
      ],
    };
  },
} as const satisfies Agent;
