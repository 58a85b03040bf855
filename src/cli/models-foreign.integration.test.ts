import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { shellQuote } from "../plan/shell-quote.ts";
import { lastJson, stackCommand } from "../testing/stack-command.ts";

it("a record that this version can't read is told of, by a path that a shell takes as one", async () => {
  await using cli = await stackCommand({ STACK_MODELS_DIR: "my models" });
  const index = join(cli.home, "my models", "index");
  await mkdir(index, { recursive: true });
  const record = join(index, "of-a-newer-version.json");
  await writeFile(record, '{"version":9}');
  const remove = `rm ${shellQuote(record)}`;
  expect(remove).toContain("'");

  const listed = await cli.run("models", "ls");
  expect(listed).toMatchObject({ exitCode: 0, stdout: "" });
  expect(listed.stderr).toContain("can't read");
  expect(listed.stderr).toContain(remove);
  expect(listed.stderr).not.toContain("empty");
  expect(lastJson(await cli.run("models", "ls", "--json"))).toEqual({
    models: [],
    unread: [record],
  });

  const cleared = await cli.run("models", "df", "--gc");
  expect(cleared.stderr).toContain("Nothing is removed");
  expect(cleared.stderr).toContain(remove);
});
