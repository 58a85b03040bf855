import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Runtime } from "../docker/runtime.ts";
import { LABEL } from "../plan/labels.ts";
import { requireDocker } from "../testing/require-docker.ts";
import {
  type CliResult,
  lastJson,
  type StackCommand,
  stackCommand,
} from "../testing/stack-command.ts";

const run = promisify(execFile);
const NAME = "e2e-floor";
/** Ollama 0.17.4 too, and its tag says nothing of that. */
const UNNUMBERED = "stack-e2e/ollama:mine";

const docker = await requireDocker();
/** Only reached where there is a daemon. */
const runtime = docker as Runtime;

describe.skipIf(docker === undefined)("Ollama 0.17.4, which is below the security floor", () => {
  let cli: StackCommand;
  let model: string;

  const up = (...more: readonly string[]): Promise<CliResult> =>
    cli.run("up", "ollama", "--name", NAME, "--model", model, "--json", ...more);
  const left = (): Promise<readonly object[]> => runtime.containers.list({ [LABEL.name]: NAME });
  /** Titles of the steps that were begun. */
  const begun = ({ stdout }: CliResult): readonly string[] =>
    stdout.split("\n").filter((line) => line.includes('"step-started"'));
  const warning = expect.stringMatching(/^Ollama 0\.17\.4 has known security holes: 0\.35\.0 /);

  beforeAll(async () => {
    const { stdout } = await run("node", ["scripts/test-registry.ts", "start"]);
    ({ model } = JSON.parse(stdout) as { model: string });
    cli = await stackCommand({ STACK_ALLOW_VULNERABLE: "false" });
    await run("docker", ["tag", "stack/ollama:0.17.4", UNNUMBERED]);
  });
  afterEach(async () => {
    await cli.run("down", "--name", NAME);
    expect(await left()).toEqual([]);
  });
  afterAll(async () => {
    await run("docker", ["rmi", UNNUMBERED]);
    await cli[Symbol.asyncDispose]();
  });

  it("is refused before anything is begun where its tag tells it", async () => {
    const result = await up();
    expect(result.exitCode).toBe(2);
    expect(lastJson(result)).toMatchObject({
      code: "VULNERABLE",
      why: expect.stringContaining("https://"),
      next: expect.stringMatching(/--image ollama\/ollama:\S+\n.*--allow-vulnerable/),
    });
    expect([begun(result), await left()]).toEqual([[], []]);
    expect((await up("--dry-run")).exitCode).toBe(2);
  });

  it("is refused, and taken back, as soon as it reports its version", async () => {
    const result = await up("--image", UNNUMBERED);
    expect(result.exitCode).toBe(2);
    expect(lastJson(result)).toMatchObject({ code: "VULNERABLE" });
    expect(begun(result).at(-1)).toContain("Wait until");
    expect(result.stdout).not.toContain('"rung":"healthy"');
  });

  it("runs where that is allowed, and everybody is told", async () => {
    const result = await up("--allow-vulnerable", "--image", UNNUMBERED);
    expect(result.exitCode).toBe(0);
    const warned = { warnings: expect.arrayContaining([warning]) };
    expect(lastJson(result)).toMatchObject({ endpoint: warned });
    const status = lastJson(await cli.run("status", "--name", NAME, "--json"));
    expect(status).toMatchObject(warned);
    // With the word taken back it is refused, and what runs goes on.
    const unsaid = ["--no-allow-vulnerable", "--image", "stack/ollama:0.17.4"];
    expect((await cli.run("restart", "--name", NAME, ...unsaid)).exitCode).toBe(2);
    expect(lastJson(await cli.run("status", "--name", NAME, "--json"))).toMatchObject({
      state: "running",
      answers: true,
    });
    // Else it holds as all that `up` was given.
    const restarted = await cli.run("restart", "--name", NAME, "--json");
    expect(lastJson(restarted)).toMatchObject({ changed: true, endpoint: warned });
    const { findings } = lastJson(await cli.run("doctor", "--offline", "--json")) as {
      findings: { check: string; status: string; summary: string }[];
    };
    expect(findings).toContainEqual(
      expect.objectContaining({
        check: "security",
        status: "warning",
        summary: expect.stringMatching(`^${NAME}: Ollama 0\\.17\\.4 `),
      }),
    );
  });
});
