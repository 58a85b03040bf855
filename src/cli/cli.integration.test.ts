import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { parse as parseYaml } from "yaml";
import { lastJson, type StackCommand, stackCommand } from "../testing/stack-command.ts";
import { COMMANDS } from "./commands/index.ts";

const NO_DAEMON = { DOCKER_HOST: "unix:///nowhere/docker.sock" };

let cli: StackCommand;
beforeAll(async () => {
  cli = await stackCommand(NO_DAEMON);
});
afterAll(() => cli[Symbol.asyncDispose]());

/** Writes a file below home, and the folders above it. */
async function put(command: StackCommand, path: string, text: string): Promise<string> {
  const file = join(command.home, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  return file;
}

const words = (line: string): readonly string[] => (line === "" ? [] : line.split(" "));

// What is data goes to stdout, all else to stderr; `-` means empty.
test.concurrent.each([
  ["", 0, /^Give an agent .*Usage/s, /^$/],
  ["--help", 0, /^Give an agent .*Usage/s, /^$/],
  ["up --help", 0, /Usage {2}node .*up \[engine\]/s, /^$/],
  ["help models", 0, /pull .*verify/s, /^$/],
  ["version", 0, /^\d+\.\d+\.\d+\n$/, /^$/],
  ["--version", 0, /^\d+\.\d+\.\d+\n$/, /^$/],
  ["ps", 0, /^$/, /^No stack runs here/],
  ["ps -q", 0, /^$/, /^$/],
  ["agents", 0, /^NAME .*ml-intern/s, /^Configure one/],
  ["config show", 0, /^name: default\nengine: embedded/, /^$/],
  ["models ls", 0, /^$/, /The store is empty/],
  ["image ls", 0, /^NAME .*haproxy +stack\S+ +\? /s, /^No container daemon says/],
  ["down", 0, /^$/, /^Nothing of default runs/],
  ["completion bash", 0, /bash completion for stack/, /^$/],
  ["complete -- mod", 0, /^models\t/, /^$/],
  [
    "pss",
    2,
    /^$/,
    /^error: There is no command .*Did you mean `ps`.*\n next: node .* ps --help\n$/,
  ],
  ["xyzzyxyzzy", 2, /^$/, /\n next: node \S+stack\.ts --help\n$/],
  ["up --contxt 3", 2, /^$/, /has no flag --contxt\. Did you mean --context/],
  ["up --context many", 2, /^$/, /--context: expected a whole number/],
  ["up vllmm", 2, /^$/, /<engine>: expected one of/],
  ["up --model nosuch", 2, /^$/, /MODEL_UNKNOWN/],
  ["status", 2, /^$/, /STACK_UNKNOWN/],
  ["env", 2, /^$/, /STACK_UNKNOWN/],
  ["logs", 2, /^$/, /STACK_UNKNOWN/],
  ["config nobody", 2, /^$/, /There is no agent named/],
  ["models rm smollm2:135m", 2, /^$/, /is not in the store/],
  ["down --purge", 2, /^$/, /nobody can answer here/],
  ["up ollama", 3, /^$/, /DOCKER_UNREACHABLE/],
  ["image build haproxy", 3, /^$/, /DOCKER_UNREACHABLE/],
])("stack %s exits %d", async (line, exit, stdout, stderr) => {
  const result = await cli.run(...words(line));
  expect(result).toMatchObject({ exitCode: exit, stdout: expect.stringMatching(stdout) as string });
  expect(result.stderr).toMatch(stderr);
  // Without a terminal there is no colour, and never a stack trace.
  expect(`${result.stdout}${result.stderr}`).not.toContain("\u001b");
  expect(result.stderr).not.toMatch(/^ {4}at /m);
});

// Only what can't be done without a daemon fails for it.
test.concurrent.each([
  ["up ollama", 2, /^error: "nonsense" is not the address/],
  ["image build haproxy", 2, /^error: "nonsense" is not the address/],
  ["image ls", 0, /^warning: Docker could not be asked.*"nonsense".*^No container daemon says/ms],
  ["ps", 0, /^warning: Docker could not be asked.*"nonsense".*^No stack runs here/ms],
])("stack %s exits %d where DOCKER_HOST is no address", async (line, exit, stderr) => {
  await using own = await stackCommand({ DOCKER_HOST: "nonsense" });
  const result = await own.run(...words(line));
  expect([result.exitCode, result.stderr]).toEqual([exit, expect.stringMatching(stderr)]);
});

test.concurrent.each([
  ["version", 0],
  ["ps", 0],
  ["agents", 0],
  ["config show", 0],
  ["config show --origin", 0],
  ["models ls", 0],
  ["models ls --catalog", 0],
  ["models df", 0],
  ["models verify", 0],
  ["models pull --dry-run", 0],
  ["down", 0],
  ["doctor --offline", 0],
  ["image ls", 0],
  ["up --dry-run", 0],
  ["completion fish", 0],
  ["status", 2],
  ["env", 2],
  ["nonsense", 2],
  ["up --bogus", 2],
  ["up ollama --dry-run", 3],
])("stack %s --json prints nothing but JSON, and exits %d", async (line, exit) => {
  const result = await cli.run(...words(line), "--json");
  expect(result).toMatchObject({ exitCode: exit });
  const parsed = parseAny(result.stdout);
  const last = parsed.at(-1);
  expect(last).toBeTypeOf("object");
  if (exit === 0) expect(last).not.toHaveProperty("type", "error");
  else expect(last).toMatchObject({ type: "error", exitCode: exit });
});

/** One object over several lines, or one a line. */
function parseAny(text: string): readonly unknown[] {
  try {
    return [JSON.parse(text)];
  } catch {
    return text
      .trimEnd()
      .split("\n")
      .map((line): unknown => JSON.parse(line));
  }
}

test.concurrent.each(Object.keys(COMMANDS))("stack %s --help shows an example", async (name) => {
  const { exitCode, stdout, stderr } = await cli.run(...words(name), "--help");
  expect([exitCode, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(/\nExamples\n {2}\S/);
});

describe("being interrupted", () => {
  const LOG = ".local/state/stack/stacks/default/engine.log";

  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "%s ends a command with 130",
    async (signal) => {
      await put(cli, LOG, "hello\n");
      const running = cli.start("logs", "-f");
      await once(running.stdout!, "data");
      running.kill(signal);
      const { exitCode, stdout, stderr } = await running.result;
      expect([exitCode, stdout]).toEqual([130, "hello\n"]);
      expect(stderr).toBe(`error: Interrupted by ${signal}. [INTERRUPTED]\n`);
    },
  );

  it("--timeout ends it with 9", async () => {
    await put(cli, LOG, "hello\n");
    const { exitCode, stderr } = await cli.run("logs", "-f", "--timeout", "1");
    expect([exitCode, stderr]).toEqual([9, expect.stringContaining("did not end within 1 s")]);
  });

  it("ends quietly when nobody reads on", async () => {
    await put(cli, LOG, "x".repeat(99).concat("\n").repeat(5000));
    const running = cli.start("logs", "-n", "5000");
    await once(running.stdout!, "data");
    running.stdout!.destroy();
    const { exitCode, stderr } = await running.result;
    expect([0, 130]).toContain(exitCode);
    expect(stderr).not.toMatch(/EPIPE|at .*\.ts/);
  });
});

describe("settings", () => {
  it("come from flag, environment, project, user, in this order, and say so", async () => {
    await using rig = await stackCommand({
      ...NO_DAEMON,
      STACK_CONTEXT: "2048",
      STACK_PORT: "2222",
    });
    const project = await put(
      rig,
      "stack.yaml",
      "# ours\nport: 3333\ncontext: 1024\nparallel: 2\n",
    );
    const user = await put(rig, ".config/stack/config.yaml", "parallel: 3\nmaxOutputTokens: 99\n");
    const result = await rig.run("config", "show", "--origin", "--json", "--port", "1111");
    expect(result.exitCode).toBe(0);
    const { settings, origins } = lastJson(result);
    expect(settings).toMatchObject({ port: 1111, context: 2048, parallel: 2, maxOutputTokens: 99 });
    expect(origins).toMatchObject({
      port: "--port",
      context: "STACK_CONTEXT",
      parallel: project,
      maxOutputTokens: user,
      engine: "default",
    });
  });

  it.each(["on", "123", "a: b", "# x", "- y", "it's", "hf:org/repo:Q4_K_M", "*a", "~", "C:\\x"])(
    "are shown as YAML that means the same: %s",
    async (model) => {
      await using rig = await stackCommand({ ...NO_DAEMON, STACK_MODEL: model });
      const [text, json] = await Promise.all([
        rig.run("config", "show"),
        rig.run("config", "show", "--json"),
      ]);
      expect(parseYaml(text.stdout)).toEqual(lastJson(json)["settings"]);
      expect(lastJson(json)).toMatchObject({ settings: { model } });
    },
  );

  it("that are wrong name file, line and the nearest key", async () => {
    await using rig = await stackCommand(NO_DAEMON);
    const file = await put(rig, "stack.yaml", "port: 1\nmodle: x\n");
    const { exitCode, stderr } = await rig.run("up");
    expect([exitCode, stderr]).toEqual([
      2,
      expect.stringContaining(`${file}:2: there is no setting \`modle\`. Did you mean \`model\`?`),
    ]);
  });
});

// What makes a command slow to start is what it loads; how long it takes is measured by `pnpm bench:cli`.
test.each([
  ["--help", []],
  ["--version", []],
  ["up --help", []],
  ["complete -- mod", ["@bomb.sh/tab"]],
  // To see that the recorder sees.
  ["models ls --json", expect.arrayContaining(["zod"])],
])("stack %s loads no package that it does not need", async (line, packages) => {
  const recorder = `import { registerHooks } from "node:module";
    registerHooks({ load: (url, context, next) => {
      const name = /node_modules\\/(?!\\.pnpm)((@[^/]+\\/)?[^/]+)/.exec(url)?.[1];
      if (name) process.stderr.write("loaded " + name + "\\n");
      return next(url, context);
    } });`;
  await using recorded = await stackCommand({
    ...NO_DAEMON,
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(recorder)}`,
  });
  const { stderr } = await recorded.run(...words(line));
  const loaded = new Set([...stderr.matchAll(/^loaded (.*)$/gm)].map((match) => match[1]));
  expect([...loaded]).toEqual(packages);
});
