import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { COMMANDS, type CommandEntry, type CommandName } from "./commands/index.ts";
import { findCommand } from "./find-command.ts";
import { flagsOf } from "./parse-call.ts";

// What errors, checks and hints tell a person to type, out of the source itself: a flag that is not there was told once.

const root = join(import.meta.dirname, "..");
const entries: Readonly<Record<CommandName, CommandEntry>> = COMMANDS;
const FLAG = /(?<=^|[\s`(])--(?:no-)?([a-z][a-z-]+)/g;
/** Where the words of another program begin, or those of the engine. */
const ELSEWHERE =
  /\b(?:sudo|systemctl|dpkg|docker|wsl|litellm|nvidia-(?:smi|ctk)|p?npm|npx)\b|^<> --|(?<=\s|`)-- /;

interface Text {
  readonly file: string;
  readonly text: string;
}

/** Every text in quotes; what is put into one in `${…}` is `<>`, and its own texts stand for themselves. */
function texts(file: string): readonly Text[] {
  let source = readFileSync(join(root, file), "utf8").replaceAll(/^\s*(?:\/\/|\/?\*).*$/gm, "");
  const pieces: string[] = [];
  for (let before = ""; before !== source;) {
    before = source;
    source = source.replaceAll(/\$\{([^{}]*)\}/g, (_, inner: string) => {
      pieces.push(inner);
      return "<>";
    });
  }
  return [source, ...pieces].flatMap((piece) =>
    [...piece.matchAll(/"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`/g)].map((found) => ({
      file,
      text: (found[1] ?? found[2] ?? "").replaceAll("\\`", "`"),
    })),
  );
}

const all = globSync("**/*.ts", {
  cwd: root,
  exclude: (path) => path === "testing" || path === "pages" || path.endsWith(".test.ts"),
}).flatMap(texts);

/** `stack …` with its words, up to where prose goes on. */
const commands = all.flatMap(({ file, text }) =>
  [...text.matchAll(/(?<=^|[\s`(])stack ([a-z]+(?: [^`(;,:]*)?)/g)]
    .map(([, line = ""]) => ({ file, line: line.split(/ {2}| -- /)[0] ?? "" }))
    // "The stack is …" is prose.
    .filter(({ line }) => isCommand(line)),
);

function isCommand(line: string): boolean {
  const [first = "", second = ""] = line.split(/\s+/);
  return [first, `${first} ${second}`].some((name) => Object.hasOwn(COMMANDS, name));
}

test.each(commands.filter(({ line }) => line.match(FLAG) !== null))(
  "$file: stack $line",
  async ({ line }) => {
    const found = findCommand(line.split(/\s+/).filter((word) => !word.startsWith("-")));
    if (found.kind !== "command") throw new Error("is no command");
    const known = flagsOf((await entries[found.name].load()).command);
    for (const [, flag = ""] of line.matchAll(FLAG)) expect([...known.keys()]).toContain(flag);
  },
);

/** Flags named in prose, without a command in front. */
const named = all.flatMap(({ file, text }) =>
  /[a-z] /.test(text) && !ELSEWHERE.test(text)
    ? [...text.matchAll(FLAG)].map(([, flag = ""]) => ({ file, flag, text }))
    : [],
);

test.each(named)("$file: --$flag", async ({ flag }) => {
  const tables = await Promise.all(
    Object.values(entries).map(async ({ load }) => [...flagsOf((await load()).command).keys()]),
  );
  expect(tables.flat()).toContain(flag);
});

test("there is something to look at", () => {
  expect(commands.length).toBeGreaterThan(20);
  expect(named.length).toBeGreaterThan(40);
});
