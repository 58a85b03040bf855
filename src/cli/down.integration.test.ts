import { afterAll, expect, it } from "vitest";
import { createHost } from "../host/real-host.ts";
import { writeKept } from "../run/kept-settings.ts";
import { stackFolder } from "../run/stack-folder.ts";
import { stackCommand } from "../testing/stack-command.ts";

const cli = await stackCommand({ DOCKER_HOST: "unix:///nowhere/docker.sock" });
afterAll(() => cli[Symbol.asyncDispose]());

const UNKNOWN = /No container daemon answers.*Of work, in containers, it is not known/s;

it("a stack whose daemon is gone is left, then forgotten, then deleted", async () => {
  const folder = stackFolder(createHost(cli.env), "work");
  await writeKept(folder, { engine: "ollama", adopted: false, given: [] });
  const steps: readonly (readonly [string, number, RegExp])[] = [
    ["", 3, UNKNOWN],
    ["", 3, /^ next: .*doctor\n +node .* down --name work --forget\n/m],
    ["--purge --dry-run", 3, UNKNOWN],
    ["--forget --dry-run", 0, /^would remove what is known here of its containers\n$/],
    ["--forget", 0, /^warning: .*live on.*^work is forgotten: removed what is known/ms],
    ["--dry-run", 0, /^Nothing of work runs\.\n$/],
    ["--purge --dry-run", 0, /^would remove its key and log\nNo model is known/],
    ["--purge --yes", 0, /^work is down: removed its key and log\.\nNo model is known/],
    ["--purge --yes", 0, /^Nothing of work runs: nothing was changed\.\n$/],
  ];
  for (const [flags, exitCode, stderr] of steps) {
    const result = await cli.run("down", "--name", "work", ...flags.split(" ").filter(Boolean));
    expect(result).toMatchObject({ exitCode, stderr: expect.stringMatching(stderr) as string });
  }
});
