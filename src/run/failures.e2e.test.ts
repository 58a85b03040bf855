import { execFile } from "node:child_process";
import { once } from "node:events";
import { chmod } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Runtime } from "../docker/runtime.ts";
import { LABEL } from "../plan/labels.ts";
import { type Break, brokenModel } from "../testing/broken-models.ts";
import { requireDocker } from "../testing/require-docker.ts";
import {
  type CliResult,
  lastJson,
  type StackCommand,
  stackCommand,
} from "../testing/stack-command.ts";
import { starterModel } from "../testing/starter-model.ts";

const run = promisify(execFile);
const NAME = "e2e-failures";
const ENGINE = `stack-${NAME}-engine`;

/** Milliseconds in which a failure is to be told, on whatever machine: done-when 5 of the issue on engines. What is begun is taken back after that. */
const NOTICED_MS = 2000;

const docker = await requireDocker();
/** Only reached where there is a daemon. */
const runtime = docker as Runtime;

interface Told {
  readonly code: string;
  readonly exitCode: number;
  readonly what: string;
  readonly why: string;
  readonly next: string;
  readonly detail: readonly string[];
}

interface UpEnded extends CliResult {
  /** When it said that a step had failed, in milliseconds since 1970; NaN if it did not. */
  readonly toldAt: number;
}

/** One failure, provoked. */
interface Provoked {
  readonly title: string;
  readonly engine: "llamacpp" | "ollama";
  readonly broken?: Break;
  readonly args: readonly string[];
  readonly code: string;
  readonly exit: number;
  readonly why: RegExp;
  /** What the daemon calls what happened; undefined where it is only in the log, or before anything runs. */
  readonly event?: "die" | "oom" | "log";
}

const FAILURES: readonly Provoked[] = [
  {
    title: "llama-server needs more memory than its limit",
    engine: "llamacpp",
    args: ["--memory", "64m", "--overcommit"],
    code: "ENGINE_STOPPED",
    exit: 10,
    why: /kernel.*memory/,
    event: "die",
  },
  {
    title: "the runner of Ollama needs more memory than its limit, and Ollama itself lives on",
    engine: "ollama",
    args: ["--memory", "150m", "--overcommit"],
    code: "ENGINE_STOPPED",
    exit: 10,
    why: /kernel.*memory/,
    event: "oom",
  },
  {
    title: "llama-server does not know the kind of the model",
    engine: "llamacpp",
    broken: "unknown kind",
    args: [],
    code: "MODEL_UNAVAILABLE",
    exit: 6,
    why: /does not know models of the kind xlama/,
    event: "die",
  },
  {
    title: "Ollama does not know the kind of the model",
    engine: "ollama",
    broken: "unknown kind",
    args: [],
    code: "MODEL_UNAVAILABLE",
    exit: 6,
    why: /does not know models of the kind xlama/,
    event: "log",
  },
  {
    title: "the file of the model is cut off",
    engine: "llamacpp",
    broken: "cut off",
    args: [],
    code: "MODEL_UNAVAILABLE",
    exit: 6,
    why: /cut off: \d+ bytes of at least \d+/,
  },
  {
    title: "the template of the model has a mistake",
    engine: "llamacpp",
    broken: "template with a mistake",
    args: [],
    code: "MODEL_UNAVAILABLE",
    exit: 6,
    why: /template has mistakes/,
    event: "die",
  },
  {
    title: "a template that is named is missing",
    engine: "llamacpp",
    args: ["--", "--chat-template-file", "/tmp/nowhere.jinja"],
    code: "USAGE",
    exit: 2,
    why: /--chat-template-file.*nowhere\.jinja/,
    event: "die",
  },
  {
    title: "an argument is unknown",
    engine: "llamacpp",
    args: ["--", "--nonsense"],
    code: "USAGE",
    exit: 2,
    why: /--nonsense/,
    event: "die",
  },
  {
    title: "the engine can't have its address",
    engine: "llamacpp",
    args: ["--", "--host", "10.1.2.3"],
    code: "PORT_BUSY",
    exit: 5,
    why: /port is taken/,
    event: "die",
  },
];

/** The commands of `next` that bring a stack up: each is about this one. */
const ups = ({ next }: Told): readonly string[] =>
  next.split("\n").filter((line) => / up( |$)/.test(line));

/** Milliseconds of the line by which Ollama says that it failed. */
function failedAt(log: readonly string[]): number {
  const times = log.map((line) => /^time=(\S+) .*failed/i.exec(line)?.[1]);
  return Date.parse(times.find((time) => time !== undefined) ?? "");
}

describe.skipIf(docker === undefined)("a failure, provoked", () => {
  let cli: StackCommand;
  let model: string;
  let begun: Date;
  const engineLeft = async (): Promise<string | undefined> =>
    (await runtime.containers.list({ [LABEL.name]: NAME, [LABEL.role]: "engine" }))[0]?.state;
  const status = async (): Promise<Record<string, unknown>> =>
    lastJson(await cli.run("status", "--name", NAME, "--json"));
  const up = (engine: string, ...more: readonly string[]): Promise<UpEnded> =>
    listen(["up", engine, "--name", NAME, "--context", "2048", "--json", ...withModel(more)]);
  /** Runs the command, and hears when it says that something has failed. */
  const listen = async (
    words: readonly string[],
    onText: (text: string) => void = () => {},
  ): Promise<UpEnded> => {
    const child = cli.start(...words);
    const told = Promise.withResolvers<number>();
    child.stdout?.on("data", (text: string) => {
      if (text.includes('"type":"step-failed"')) told.resolve(Date.now());
      onText(text);
    });
    const result = await child.result;
    told.resolve(NaN);
    return { ...result, toldAt: await told.promise };
  };
  /** `--model` unless there is one, in front of what goes to the engine. */
  const withModel = (args: readonly string[]): readonly string[] =>
    args.includes("--model") ? args : ["--model", model, ...args];

  /** When the daemon saw it happen, in milliseconds since 1970: the first such event since the command was begun. */
  const happenedAt = async (event: "die" | "oom", container = ENGINE): Promise<number> => {
    const { stdout } = await run("docker", [
      "events",
      `--since=${begun.toISOString()}`,
      `--until=${new Date().toISOString()}`,
      `--filter=container=${container}`,
      `--filter=event=${event}`,
      "--format={{.TimeNano}}",
    ]);
    return Number(stdout.split("\n")[0]) / 1e6;
  };
  const report = (title: string, ms: number): void => {
    console.log(`told ${ms.toFixed(0)} ms after it happened: ${title}`);
    expect(ms).toBeGreaterThan(0);
    expect(ms).toBeLessThan(NOTICED_MS);
  };

  beforeAll(async () => {
    cli = await stackCommand();
    model = `file:${await starterModel()}`;
    // What is measured is the failure, not the first fetch.
    await cli.run("models", "pull", model);
  });
  afterEach(async () => {
    await cli.run("down", "--name", NAME);
    expect(await engineLeft()).toBeUndefined();
  });
  afterAll(async () => {
    await cli[Symbol.asyncDispose]();
  });

  it.each(FAILURES)("$title: $code", async (failure) => {
    const { title, engine, broken, args, code, exit, why, event } = failure;
    const other = broken === undefined ? [] : ["--model", await brokenModel(cli.home, broken)];
    begun = new Date();
    const result = await up(engine, ...other, ...args);
    const told = lastJson(result) as unknown as Told;
    if (event === "log") report(title, result.toldAt - failedAt(told.detail));
    else if (event !== undefined) report(title, result.toldAt - (await happenedAt(event)));
    expect(told).toMatchObject({ code, exitCode: exit, why: expect.stringMatching(why) });
    expect(result.exitCode).toBe(exit);
    expect(told.next).not.toBe("");
    for (const line of ups(told)) expect(line).toContain(` up ${engine} --name ${NAME} --`);
    expect(await engineLeft()).toBeUndefined();
  });

  it("a model that the engine may not read: MODEL_UNAVAILABLE", async () => {
    // A blob has the same name in every store.
    const blobs = join(cli.home, ".local/share/stack/models/blobs");
    const weights = join(blobs, basename(await starterModel()));
    await chmod(weights, 0o600);
    try {
      for (const engine of ["llamacpp", "ollama"]) {
        expect(lastJson(await up(engine))).toMatchObject({
          code: "MODEL_UNAVAILABLE",
          why: expect.stringContaining("may not read the model store"),
        });
      }
    } finally {
      await chmod(weights, 0o644);
    }
  });

  it("a model without a template: it comes up, and everybody is told", async () => {
    const broken = await brokenModel(cli.home, "no template");
    expect(await up("llamacpp", "--model", broken)).toMatchObject({ exitCode: 0 });
    expect(await status()).toMatchObject({
      warnings: expect.arrayContaining([expect.stringContaining("no chat template")]),
    });
  });

  it("a port of the host that is taken: PORT_BUSY, and nothing is begun", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const result = await up("llamacpp", "--port", `${port}`);
    server.close();
    expect(result.exitCode).toBe(5);
    const what = expect.stringContaining(`${port}`);
    expect(lastJson(result)).toMatchObject({ code: "PORT_BUSY", what });
    expect(result.stdout).not.toContain('"step-started"');
  });

  it.each(["engine", "gateway"])(
    "%s that is killed while `up` waits: ENGINE_STOPPED",
    async (role) => {
      begun = new Date();
      // Climbing to the top takes long enough to be hit.
      const args = ["--name", NAME, "--model", model, "--context", "8192", "--ready", "agent"];
      const container = `stack-${NAME}-${role}`;
      let killed: Promise<unknown> | undefined;
      const result = await listen(["up", "llamacpp", ...args, "--json"], (text) => {
        if (text.includes('"rung":"first-token"')) killed ??= run("docker", ["kill", container]);
      });
      await killed;
      const ms = result.toldAt - (await happenedAt("die", container));
      report(`the ${role} was killed while it was waited for`, ms);
      expect(result.exitCode).toBe(10);
      expect(lastJson(result)).toMatchObject({
        code: "ENGINE_STOPPED",
        what: expect.stringMatching(`container of the ${role} .*exit status 137`),
        why: expect.stringContaining("killed from outside"),
      });
    },
  );

  it("a runner of Ollama that is killed when it is up: `status` tells it", async () => {
    // Enough for this window, and not for the one that a request asks for.
    const result = await up("ollama", "--memory", "260m", "--overcommit", "--context", "1024");
    expect(result.exitCode).toBe(0);
    const { endpoint } = lastJson(result) as {
      endpoint: { apiBase: string; apiKey: string; model: string };
    };
    const answer = await fetch(endpoint.apiBase.replace("/v1", "/api/generate"), {
      method: "POST",
      headers: { authorization: `Bearer ${endpoint.apiKey}`, "content-type": "application/json" },
      body: JSON.stringify({
        model: endpoint.model,
        prompt: "hi",
        stream: false,
        options: { num_ctx: 8192, num_batch: 2048 },
      }),
    });
    expect(answer.status).toBe(500);
    // Engine 20.10 keeps to itself that the kernel killed a process, as long as the container lives on.
    const { version } = await runtime.facts(AbortSignal.timeout(10_000));
    const told = version.startsWith("20.10") ? [] : [expect.stringContaining("for want of memory")];
    expect(await status()).toMatchObject({
      state: "running",
      warnings: expect.arrayContaining(told),
    });
  });

  it.each(["llamacpp", "ollama"] as const)(
    "%s that is killed when it is up: `status` tells it, `restart` cures it",
    async (engine) => {
      expect((await up(engine)).exitCode).toBe(0);
      expect(await status()).toMatchObject({ state: "running", answers: true });
      await run("docker", ["kill", ENGINE]);
      expect(await status()).toMatchObject({
        state: "degraded",
        answers: false,
        parts: expect.arrayContaining([
          expect.objectContaining({ role: "engine", state: "exited", exitCode: 137 }),
        ]),
      });
      expect((await cli.run("restart", "--name", NAME)).exitCode).toBe(0);
      const served = { engine, endpoint: { contextWindow: 2048 } };
      expect(await status()).toMatchObject({ state: "running", answers: true, ...served });
    },
  );
});
