import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Endpoint } from "../endpoint.ts";
import { emitAgent } from "../run/agent-config.ts";
import { agentEnvironment } from "../run/agent-env.ts";
import { fakeOpenai, type FakeOpenai, type FakeReply } from "../testing/fake-openai.ts";
import { installMlIntern } from "../testing/install-ml-intern.ts";
import { runSealed, whyNotSealed, type SealedResult } from "../testing/sealed-run.ts";
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

/** An empty home, the emitted environment through a real shell, and no other network than the endpoint. */
async function headlessTurn(
  program: string,
  endpoint: Endpoint,
  timeoutMs: number,
): Promise<SealedResult> {
  await using box = await testHost();
  const environment = await agentEnvironment(
    box.host,
    emitAgent(box.host, "ml-intern:pypi", endpoint),
  );
  await writeFile(join(box.home, "env.sh"), renderEnvironment(environment, "sh"), { mode: 0o600 });
  return await runSealed({
    apiBase: endpoint.apiBase,
    command: ["sh", "-c", 'eval "$(cat env.sh)"; exec "$0" "say hello"', program],
    env: { PATH: "/usr/bin:/bin", HOME: box.home },
    cwd: box.home,
    timeoutMs,
  });
}

describe.skipIf(obstacle !== undefined && !required)(
  `ml-intern 0.1.0 with no route out${obstacle === undefined ? "" : ` (${obstacle})`}`,
  () => {
    let program = "";
    beforeAll(async () => {
      program = await installMlIntern();
    });

    const turn = async (reply: (index: number) => FakeReply) => {
      await using fake = await fakeOpenai({
        model: "smollm2:135m",
        apiKey: KEY,
        reply: (_, index) => reply(index),
      });
      const result = await headlessTurn(program, endpointOf(fake), 120_000);
      return { result, seen: fake.seen, others: fake.others };
    };

    it("completes a turn with nothing but the emitted environment", async () => {
      const { result, seen, others } = await turn(() => ({ kind: "text", text: "Hello there." }));
      console.log(
        result.stderr,
        result.stdout.slice(-2000),
        seen.map(({ body, ...r }) => ({ ...r, bodyKeys: Object.keys(body) })),
        others,
        [...new Set(result.tried)],
      );
      expect(result.stderr).toContain("--- Agent turn_complete");
    });
  },
);
