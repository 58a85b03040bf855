import { homedir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Endpoint } from "../endpoint.ts";
import { installMlIntern } from "../testing/install-ml-intern.ts";
import { mlInternTurn, TURN_COMPLETE } from "../testing/ml-intern-turn.ts";
import { requireDocker } from "../testing/require-docker.ts";
import { whyNotSealed } from "../testing/sealed-run.ts";
import { lastJson, type StackCommand, stackCommand } from "../testing/stack-command.ts";

const sealed = whyNotSealed();
const required = process.env["STACK_REQUIRE_DOCKER"] === "1";

/** LiteLLM gives up after 600 s without a byte, and nothing streams while the prompt is read. */
const TURN_MS = 590_000;
/** Gemma 3 270M: its window is large enough, and most of its layers look at 512 tokens only, so a long prompt is read 5 times as fast as by the starter model. */
const MODEL = "gemma3:270m";

const docker = await requireDocker();

describe.skipIf(sealed !== undefined && !required)(
  `ml-intern 0.1.0 on a real stack${sealed === undefined ? "" : ` (${sealed})`}`,
  () => {
    let cli: StackCommand;
    let program: string;
    const NAME = "e2e-agent";

    beforeAll(async () => {
      const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
      // Kept between runs: 250 MB.
      cli = await stackCommand({ STACK_MODELS_DIR: join(cache, "stack-test", "models") });
      program = await installMlIntern();
    });
    afterEach(() => cli.run("down", "--name", NAME));
    afterAll(() => cli[Symbol.asyncDispose]());

    it.for(["embedded", "ollama"])(
      "completes a turn with what `stack env` prints, and tries no other address: %s",
      { timeout: TURN_MS + 120_000 },
      async (engine, { skip }) => {
        skip(engine !== "embedded" && docker === undefined, "no Docker Engine");
        // Ollama's own engine reads the long prompt at a fifth of llama.cpp's speed.
        skip(engine === "ollama" && process.env["STACK_TEST_SLOW"] === "0", "STACK_TEST_SLOW=0");
        // It sends no limit of its own, and so small a model rambles.
        const limits = ["--context", "32768", "--max-output-tokens", "48"];
        const flags = ["--name", NAME, "--model", MODEL, ...limits, "--json"];
        const up = await cli.run("up", engine, ...flags);
        const { endpoint } = lastJson(up) as { endpoint: Endpoint };
        expect(endpoint).toMatchObject({ model: MODEL, contextWindow: 32_768, tools: true });
        const env = await cli.run("env", "--name", NAME, "--agent", "ml-intern:pypi");
        expect(env).toMatchObject({ exitCode: 0 });

        const { apiBase } = endpoint;
        const result = await mlInternTurn({
          program,
          apiBase,
          environment: env.stdout,
          timeoutMs: TURN_MS,
        });
        expect(result.stderr).toContain(TURN_COMPLETE);
        const allowed = ["127.0.0.1 9", `127.0.0.1 ${new URL(apiBase).port}`];
        expect([...new Set(result.tried ?? allowed)].sort()).toEqual(allowed.sort());
      },
    );
  },
);
