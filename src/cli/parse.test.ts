import { expect, test } from "vitest";
import { StackError } from "../errors.ts";
import { COMMANDS, type CommandEntry, type CommandName } from "./commands/index.ts";
import { findCommand } from "./find-command.ts";
import { parseCall } from "./parse-call.ts";

/** argv as one line → what a command is called with, as one line. */
async function read(line: string): Promise<string> {
  const argv = line === "" ? [] : line.split(" ");
  const found = findCommand(argv);
  if (found.kind === "version") return "version";
  if (found.kind === "help") return `help ${found.topic ?? ""}`.trim();
  const entries: Readonly<Record<CommandName, CommandEntry>> = COMMANDS;
  const { command } = await entries[found.name].load();
  const { args, flags, globals, settings } = parseCall(found.name, command, found.words, argv);
  const given = { ...flags, ...globals };
  return [
    found.name,
    ...args,
    ...Object.keys(given).map(
      (name) => `${name}=${JSON.stringify(given[name as keyof typeof given])}`,
    ),
    ...settings.map(({ key, value, flag }) => `${key}=${JSON.stringify(value)}(${flag})`),
  ].join(" ");
}

async function refusal(line: string): Promise<readonly string[]> {
  try {
    return [`accepted: ${await read(line)}`];
  } catch (error) {
    if (!(error instanceof StackError)) throw error;
    return [error.code, error.what, error.next ?? ""];
  }
}

test.each([
  ["", "help"],
  ["--help", "help"],
  ["-h", "help"],
  ["help", "help"],
  ["help up", "help up"],
  ["help models", "help models"],
  ["help models pull", "help models pull"],
  ["models --help", "help models"],
  ["--version", "version"],
  ["-V", "version"],
  ["up", "up"],
  ["up ollama", 'up ollama engine="ollama"(<engine>)'],
  ["--json up", "up json=true"],
  ["up --json", "up json=true"],
  ["-qv up", "up quiet=true verbose=true"],
  ["up --no-json", "up json=false"],
  ["up --no-color", "up color=false"],
  ["--name work status", 'status name="work"(--name)'],
  ["status --name=work", 'status name="work"(--name)'],
  ["status --name a --name b", 'status name="b"(--name)'],
  ["up --max-output-tokens 9", 'up maxOutputTokens="9"(--max-output-tokens)'],
  ["up --stretch", "up stretch=true(--stretch)"],
  ["up --no-stretch", "up stretch=false(--no-stretch)"],
  [
    "up --insecure-registries a:1,b:2 --insecure-registries c:3",
    'up insecureRegistries=["a:1","b:2","c:3"](--insecure-registries)',
  ],
  ["up -- --threads 4 -v", 'up engineArgs=["--threads","4","-v"](--)'],
  ["up ollama -- x", 'up ollama engine="ollama"(<engine>) engineArgs=["x"](--)'],
  ["models ls", "models ls"],
  ["models --json ls", "models ls json=true"],
  ["models pull smollm2:135m", 'models pull smollm2:135m model="smollm2:135m"(<model>)'],
  ["models rm a b", "models rm a b"],
  ["config ml-intern --write", "config ml-intern write=true"],
  ["config --write ml-intern", "config ml-intern write=true"],
  ["config show --origin", "config show origin=true"],
  ["config -- show", "config show"],
  ["logs -f -n 5", "logs follow=true tail=5"],
  ["logs -fn5", "logs follow=true tail=5"],
  ["logs --tail=0 --role gateway", 'logs tail=0 role="gateway"'],
  ["completion zsh", "completion zsh"],
  ["config --help", "config help=true"],
  ["down --dry-run -y", "down yes=true dry-run=true"],
])("stack %s", async (line, expected) => {
  expect(await read(line)).toBe(expected);
});

test.each([
  ["upp", "There is no command `stack upp`. Did you mean `up`?", "stack up --help"],
  ["start", "There is no command `stack start`. Did you mean `up`?", "stack up --help"],
  ["list", "There is no command `stack list`. Did you mean `ps`?", "stack ps --help"],
  ["xyzzyxyzzy", "There is no command `stack xyzzyxyzzy`.", "stack --help"],
  ["toString", "There is no command `stack toString`.", "stack --help"],
  [
    "help modls",
    "There is no command `stack modls`. Did you mean `models`?",
    "stack models --help",
  ],
  [
    "models",
    "`stack models` needs one more word: pull, ls, recommend, rm, verify, df.",
    "stack models --help",
  ],
  [
    "models list",
    "There is no command `stack models list`; there are pull, ls, recommend, rm, verify, df. Did you mean `ls`?",
    "stack models ls --help",
  ],
  [
    "--jsn up",
    "There is no flag --jsn in front of a command. Did you mean --json?",
    "stack --help",
  ],
  ["up --jsn", "`stack up` has no flag --jsn. Did you mean --json?", "stack up --help"],
  ["up --contxt 5", "`stack up` has no flag --contxt. Did you mean --context?", "stack up --help"],
  ["up -x", "`stack up` has no flag -x.", "stack up --help"],
  ["ps --model x", "`stack ps` has no flag --model.", "stack ps --help"],
  ["up --model", "--model needs a value: --model <text>.", "stack up --help"],
  ["up --no-model", "--model needs a value: --model <text>.", "stack up --help"],
  [
    "up --model --json",
    "--model needs a value, and `--json` looks like a flag. If the value is `--json`, write --model=--json.",
    "stack up --help",
  ],
  ["up --json=yes", "--json takes no value, but was given `yes`.", "stack up --help"],
  [
    "up ollama vllm",
    "`stack up` does not take the argument `vllm`. Arguments for the engine come after `--`.",
    "stack up --help",
  ],
  ["ps all", "`stack ps` does not take the argument `all`.", "stack ps --help"],
  ["ps -- all", "`stack ps` does not take the argument `all`.", "stack ps --help"],
  ["status work", "`stack status` does not take the argument `work`.", "stack status --name work"],
  ["down -- work", "`stack down` does not take the argument `work`.", "stack down --name work"],
  ["logs work -f", "`stack logs` does not take the argument `work`.", "stack logs --name work"],
  [
    "env ml-intern:pypi",
    "`stack env` does not take the argument `ml-intern:pypi`.",
    "stack env --agent ml-intern:pypi",
  ],
  ["status a;b", "`stack status` does not take the argument `a;b`.", "stack status --help"],
  [
    "config",
    "`stack config` needs <agent>: which agent; see `stack agents`.",
    "stack config --help",
  ],
  [
    "models rm",
    "`stack models rm` needs <model>: reference, or a name of the catalog.",
    "stack models rm --help",
  ],
  [
    "logs --tail -5",
    "--tail needs a value, and `-5` looks like a flag. If the value is `-5`, write --tail=-5.",
    "stack logs --help",
  ],
  ["logs --tail=-5", "--tail takes a whole number from 0 up, not `-5`.", "stack logs --help"],
  [
    "logs --role gatway",
    "--role is one of engine, gateway, not `gatway`. Did you mean `gateway`?",
    "stack logs --help",
  ],
  [
    "completion bsh",
    "<shell> is one of bash, zsh, fish, powershell, not `bsh`. Did you mean `bash`?",
    "stack completion --help",
  ],
])("refuses: stack %s", async (line, what, next) => {
  expect(await refusal(line)).toEqual(["USAGE", what, next]);
});

const ENTRIES: Readonly<Record<string, CommandEntry>> = COMMANDS;

test.each(Object.keys(ENTRIES))("stack %s has examples, and accepts them", async (name) => {
  const examples = (await ENTRIES[name]?.load())?.command.examples ?? [];
  // `eval "$(stack env)"`, `stack … > file`, `stack … | source`: the call is what is between.
  const calls = examples.map(({ command }) => /stack ([^)|>"]*)/.exec(command)?.[1]?.trim() ?? "");
  const answers = await Promise.all(calls.map(async (call) => (await refusal(call))[0]));
  expect(answers).not.toEqual([]);
  expect(answers).toEqual(answers.map(() => expect.stringContaining(`accepted: ${name}`)));
});
