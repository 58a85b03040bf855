import { beforeAll, describe, expect, it } from "vitest";
import { contextLengthExceeded } from "../embedded/openai/api-error.ts";
import type { Endpoint } from "../endpoint.ts";
import { emitAgent } from "../run/agent-config.ts";
import { agentEnvironment } from "../run/agent-env.ts";
import { writeAgentConfig } from "../run/agent-files.ts";
import { fakeOpenai, type FakeOpenai, type FakeReply } from "../testing/fake-openai.ts";
import { installMlIntern } from "../testing/install-ml-intern.ts";
import { mlInternTurn, TURN_COMPLETE } from "../testing/ml-intern-turn.ts";
import { whyNotSealed } from "../testing/sealed-run.ts";
import { testHost } from "../testing/test-host.ts";
import { renderEnvironment } from "./shell.ts";

const obstacle = whyNotSealed();
const required = process.env["STACK_REQUIRE_DOCKER"] === "1";
const KEY = "sk-stack-it's a key";

function endpointOf(fake: FakeOpenai): Endpoint {
  return {
    name: "default",
    engine: "embedded",
    apiBase: fake.apiBase,
    apiKey: fake.apiKey,
    model: fake.model,
    reference: "pypi:fake",
    contextWindow: 32_768,
    maxOutputTokens: 4096,
    tools: true,
    warnings: [],
  };
}

describe.skipIf(obstacle !== undefined && !required)(
  `ml-intern 0.1.0 from PyPI with no route out${obstacle === undefined ? "" : ` (${obstacle})`}`,
  () => {
    let program = "";
    beforeAll(async () => {
      program = await installMlIntern();
    });

    /** With `written`, `config --write` has gone before, and the variable that makes up for it is taken away. */
    const turn = async (
      reply: (index: number) => FakeReply,
      { written = false, ...change }: Partial<Endpoint> & { written?: boolean } = {},
    ) => {
      await using fake = await fakeOpenai({
        model: "smollm2:135m",
        apiKey: KEY,
        reply: (_, index) => reply(index),
      });
      await using box = await testHost();
      const emitted = emitAgent(box.host, "ml-intern:pypi", { ...endpointOf(fake), ...change });
      const { ML_INTERN_CLI_CONFIG: copy = "", ...others } = await agentEnvironment(
        box.host,
        emitted,
      );
      if (written) await writeAgentConfig(box.host, emitted, { dryRun: false });
      const result = await mlInternTurn({
        program,
        apiBase: fake.apiBase,
        environment: renderEnvironment(
          written ? others : { ...others, ML_INTERN_CLI_CONFIG: copy },
          "sh",
        ),
        home: box.home,
        timeoutMs: 120_000,
      });
      return { result, seen: fake.seen, others: fake.others, port: new URL(fake.apiBase).port };
    };

    it.each([
      ["the emitted environment", false],
      ["the written file and the environment without its copy", true],
    ])("completes a turn with %s, and tries no other address", async (_, written) => {
      const { result, seen, others, port } = await turn(
        () => ({ kind: "text", text: "Hello there." }),
        { written },
      );
      expect(result.stderr).toContain(TURN_COMPLETE);
      expect(result.stdout).toContain("Hello there.");
      expect(seen).toHaveLength(1);
      expect(seen[0]).toMatchObject({
        authorization: `Bearer ${KEY}`,
        model: "smollm2:135m",
        stream: true,
        tools: 18,
      });
      expect(others).toEqual([]);
      // Port 9 is the dead end that the proxy variables name. A look-up of a name would be port 53.
      const tried = new Set(result.tried ?? [`127.0.0.1 ${port}`, "127.0.0.1 9"]);
      expect([...tried].sort()).toEqual(["127.0.0.1 9", `127.0.0.1 ${port}`].sort());
    });

    it("runs a tool that the model calls, and sends back what it printed", async () => {
      const { result, seen } = await turn((index) =>
        index === 0
          ? { kind: "tool", name: "bash", arguments: { command: "echo from-$((40+2))" } }
          : { kind: "text", text: "Done." },
      );
      expect(result.stderr).toContain(TURN_COMPLETE);
      expect(seen).toHaveLength(2);
      expect(JSON.stringify(seen[1]?.body["messages"])).toContain("from-42");
    });

    it("ends when the window is full, where another wording would make it ask for ever", async () => {
      const { status, code, message } = contextLengthExceeded(8192, 15_290, "messages");
      const { result, seen } = await turn(() => ({
        kind: "error",
        status,
        code: code ?? "",
        message,
      }));
      expect(result.stdout).toContain("exceeds the context window");
      expect(result.stderr).not.toContain(TURN_COMPLETE);
      expect(seen).toHaveLength(1);
    });

    it("is refused with a wrong key, and says so in spite of its exit status 0", async () => {
      const { result, seen } = await turn(() => ({ kind: "text", text: "never" }), {
        apiKey: "sk-wrong",
      });
      expect(result.exitCode).toBe(0);
      expect(result.stderr).not.toContain(TURN_COMPLETE);
      expect(seen).toHaveLength(0);
    });
  },
);
