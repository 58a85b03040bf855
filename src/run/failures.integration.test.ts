import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Break, brokenModel } from "../testing/broken-models.ts";
import { lastJson, type StackCommand, stackCommand } from "../testing/stack-command.ts";

/** As src/run/failures.e2e.test.ts, for the engine that needs no Docker. */
describe("the embedded engine, given a model that is wrong", () => {
  let cli: StackCommand;
  beforeAll(async () => {
    cli = await stackCommand({ DOCKER_HOST: "unix:///nowhere/docker.sock" });
  });
  afterEach(async () => {
    await cli.run("down");
  });
  afterAll(async () => {
    await cli[Symbol.asyncDispose]();
  });
  const up = async (how: Break) => {
    const model = await brokenModel(cli.home, how);
    return cli.run("up", "--model", model, "--context", "1024", "--json");
  };

  it.each<[Break, RegExp]>([
    ["unknown kind", /does not know models of the kind xlama/],
    ["cut off", /cut off: \d+ bytes of at least \d+/],
    ["template with a mistake", /template has mistakes/],
  ])("%s: MODEL_UNAVAILABLE", async (how, why) => {
    const result = await up(how);
    expect(result.exitCode).toBe(6);
    const told = lastJson(result) as { detail?: readonly string[] };
    expect(told).toMatchObject({
      code: "MODEL_UNAVAILABLE",
      why: expect.stringMatching(why),
      next: expect.stringMatching(/\w/),
    });
    // The log goes on from start to start; what an earlier one said is no cause of this.
    const ends = (told.detail ?? []).filter((line) => line.includes('"level":"fatal"'));
    expect(ends.length).toBeLessThan(2);
    expect((await cli.run("status")).exitCode).toBe(2);
  });

  it("no template: it comes up, with a warning", async () => {
    const result = await up("no template");
    expect(result.exitCode).toBe(0);
    expect(lastJson(result)).toMatchObject({
      endpoint: {
        warnings: expect.arrayContaining([expect.stringContaining("no chat template")]),
      },
    });
  });
});
