import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createHost } from "../host/real-host.ts";
import type { Runtime } from "../docker/runtime.ts";
import { connect } from "../docker/connect.ts";
import { LABEL } from "../plan/labels.ts";
import { requireDocker } from "../testing/require-docker.ts";
import {
  type CliResult,
  lastJson,
  type StackCommand,
  stackCommand,
} from "../testing/stack-command.ts";

const run = promisify(execFile);
const NAME = "e2e-up";
const docker = await requireDocker();

describe.skipIf(docker === undefined)("stack up ollama, on a real engine", () => {
  let cli: StackCommand;
  let runtime: Runtime;
  let model: string;

  const up = (...more: readonly string[]): Promise<CliResult> =>
    cli.run("up", "ollama", "--name", NAME, "--model", model, "--json", ...more);
  const left = async (): Promise<object> => {
    const labels = { [LABEL.name]: NAME };
    const [containers, networks, volumes] = await Promise.all([
      runtime.containers.list(labels),
      runtime.networks.list(labels),
      runtime.volumes.list(labels),
    ]);
    const state = join(cli.home, ".local/state/stack");
    return {
      containers: containers.map((each) => each.name),
      networks: networks.map((each) => each.name),
      volumes,
      endpoint: existsSync(join(state, "stacks", NAME, "endpoint.json")),
      locks: (await readdir(join(state, "locks")).catch(() => [])).filter((file) =>
        file.endsWith(".json"),
      ),
      temporary: (await readdir(cli.home, { recursive: true })).filter((file) =>
        file.endsWith(".tmp"),
      ),
    };
  };
  const nothing = {
    containers: [],
    networks: [],
    volumes: [],
    endpoint: false,
    locks: [],
    temporary: [],
  };

  beforeAll(async () => {
    const { stdout } = await run("node", ["scripts/test-registry.ts", "start"]);
    ({ model } = JSON.parse(stdout) as { model: string });
    cli = await stackCommand();
    runtime = await connect(createHost(), { signal: AbortSignal.timeout(30_000) });
  });
  afterAll(async () => {
    await cli.run("down", "--name", NAME);
    const rest = await left();
    await cli[Symbol.asyncDispose]();
    expect(rest).toEqual(nothing);
  });

  it("says what it would do, does exactly that, and then has nothing to do", async () => {
    const dry = lastJson(await up("--dry-run"));
    expect(await left()).toEqual(nothing);

    const first = await up();
    expect(first).toMatchObject({ exitCode: 0 });
    const done = lastJson(first);
    expect(done).toMatchObject({
      changed: true,
      engine: "ollama",
      endpoint: { model: "smollm2:135m" },
    });
    const ids = (result: Record<string, unknown>): unknown =>
      (result["steps"] as { id: string; title: string }[]).map(({ id, title }) => ({ id, title }));
    expect(ids(done)).toEqual(ids(dry));

    const second = await up();
    expect(lastJson(second)).toMatchObject({ changed: false, steps: [] });
    expect(second.ms).toBeLessThan(1000);
  });

  it("answers through the gateway with the key, and refuses everything else", async () => {
    const { endpoint } = lastJson(await up()) as { endpoint: { apiBase: string; apiKey: string } };
    const { apiBase, apiKey } = endpoint;
    const origin = apiBase.replace("/v1", "");
    const authorization = `Bearer ${apiKey}`;
    const chat = await fetch(`${apiBase}/chat/completions`, {
      method: "POST",
      headers: { authorization, "content-type": "application/json" },
      body: JSON.stringify({
        model: "smollm2:135m",
        max_tokens: 8,
        messages: [{ role: "user", content: "Say hello." }],
      }),
    });
    expect(chat.status).toBe(200);
    const answer = (await chat.json()) as {
      choices: { message: { content: string } }[];
      usage: { completion_tokens: number };
    };
    expect(answer.choices[0]?.message.content).toMatch(/\w/);
    expect(answer.usage.completion_tokens).toBeGreaterThan(0);

    const status = async (path: string, headers: Record<string, string>, method = "GET") => {
      const { stdout } = await run("curl", [
        "-s",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        "-X",
        method,
        ...Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]),
        ...(method === "POST" ? ["-d", "{}"] : []),
        `${origin}${path}`,
      ]);
      return Number(stdout);
    };
    expect(await status("/v1/models", {})).toBe(401);
    expect(await status("/v1/models", { authorization: "Bearer wrong" })).toBe(401);
    expect(await status("/v1/models", { authorization, host: "evil.example" })).toBe(403);
    for (const path of ["pull", "push", "create", "delete", "copy", "blobs/sha256:00"]) {
      expect(await status(`/api/${path}`, { authorization }, "POST")).toBe(404);
    }
  });

  it("ends an answer at the limit also for a client that names none", async () => {
    const { endpoint } = lastJson(await up("--max-output-tokens", "12")) as {
      endpoint: { apiBase: string; apiKey: string };
    };
    const answer = await fetch(`${endpoint.apiBase}/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${endpoint.apiKey}`, "content-type": "application/json" },
      body: JSON.stringify({
        model: "smollm2:135m",
        messages: [{ role: "user", content: "Count from one to a hundred in words." }],
      }),
    });
    expect(await answer.json()).toMatchObject({
      choices: [{ finish_reason: "length" }],
      usage: { completion_tokens: 12 },
    });
    const show = await fetch(`${endpoint.apiBase.replace("/v1", "")}/api/show`, {
      method: "POST",
      headers: { authorization: `Bearer ${endpoint.apiKey}` },
      body: JSON.stringify({ model: "smollm2:135m" }),
    });
    // The model's own parameters stay.
    const { parameters } = (await show.json()) as { parameters: string };
    expect(parameters).toMatch(/num_predict\s+12/);
    expect(parameters).toMatch(/stop\s+"<\|im_end\|>"/);
    await up();
  });

  // That it is true inside the container is shown by src/offline/sealed.e2e.test.ts.
  it("tells in `status` how sealed it is", async () => {
    const report = lastJson(await cli.run("status", "--name", NAME, "--json"));
    expect(report).toMatchObject({
      state: "running",
      answers: true,
      seal: { kind: "isolated", hostReachable: false, warnings: [] },
    });
  });

  it("hardens every container as promised", async () => {
    const ids = (await runtime.containers.list({ [LABEL.name]: NAME })).map(({ id }) => id);
    const { stdout } = await run("docker", ["inspect", ...ids]);
    const containers = JSON.parse(stdout) as {
      Config: { User: string; Env: string[] };
      HostConfig: Record<string, unknown>;
      Mounts: { Type: string; RW: boolean }[];
    }[];
    expect(containers).toHaveLength(2);
    for (const { Config, HostConfig, Mounts } of containers) {
      expect(HostConfig).toMatchObject({
        CapDrop: ["ALL"],
        ReadonlyRootfs: true,
        Privileged: false,
        SecurityOpt: expect.arrayContaining(["no-new-privileges"]),
        RestartPolicy: { Name: "unless-stopped" },
      });
      expect(HostConfig["PidsLimit"]).toBeGreaterThan(0);
      expect(HostConfig["Memory"]).toBeGreaterThan(0);
      expect(HostConfig["NetworkMode"]).not.toBe("host");
      expect(Config.User).toBe("65532:65532");
      expect(Mounts.filter(({ Type, RW }) => Type === "bind" && RW)).toEqual([]);
    }
    expect(stdout).not.toContain("docker.sock");
    const key = (
      await readFile(join(cli.home, ".local/state/stack/stacks", NAME, "key"), "utf8")
    ).trim();
    expect(stdout).not.toContain(key);
  });

  it("is rolled back at whatever moment Ctrl-C comes", async () => {
    await cli.run("down", "--name", NAME);
    const whole = (await up()).ms;
    await cli.run("down", "--name", NAME);
    for (let round = 0; round < 10; round += 1) {
      const child = cli.start("up", "ollama", "--name", NAME, "--model", model, "--json");
      // A tenth of the way further each time, and somewhere within it: no moment is left out on purpose.
      const moment = (whole * (round + Math.random())) / 10;
      setTimeout(() => child.kill("SIGINT"), moment);
      const { exitCode } = await child.result;
      // Before Node has begun to run our code, the signal ends it without a word: -1.
      expect([0, 130, -1]).toContain(exitCode);
      if (exitCode === 0) await cli.run("down", "--name", NAME);
      expect({ round, moment, ...(await left()) }).toEqual({ round, moment, ...nothing });
    }
  });

  it("cleans up behind a killed command at the next one", async () => {
    const begun = performance.now();
    await up();
    const whole = performance.now() - begun;
    await cli.run("down", "--name", NAME);
    for (let round = 0; round < 5; round += 1) {
      const child = cli.start("up", "ollama", "--name", NAME, "--model", model, "--json");
      setTimeout(() => child.kill("SIGKILL"), (whole * (round + Math.random())) / 5);
      await child.result;
      const status = await cli.run("status", "--name", NAME, "--json");
      // Either it was through, and the stack works; or nothing of it is left.
      if (status.exitCode === 0) {
        expect(lastJson(status)).toMatchObject({ state: "running", answers: true });
        await cli.run("down", "--name", NAME);
      }
      expect({ round, ...(await left()) }).toEqual({ round, ...nothing });
    }
  });

  it("lets one of two through that start at once", async () => {
    const results = await Promise.all([up(), up()]);
    const codes = results.map(({ exitCode }) => exitCode).sort((a, b) => a - b);
    expect([
      [0, 0],
      [0, 12],
    ]).toContainEqual(codes);
    expect(lastJson(await up())).toMatchObject({ changed: false });
  });

  it("notices at once that the engine's container ends", async () => {
    await cli.run("down", "--name", NAME);
    const result = await up("--memory", "8m", "--overcommit");
    expect(lastJson(result)).toMatchObject({ type: "error", code: "ENGINE_STOPPED", exitCode: 10 });
    expect(result.ms).toBeLessThan(20_000);
    expect(await left()).toEqual(nothing);
  });
});
