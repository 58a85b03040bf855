import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requireDocker } from "../testing/require-docker.ts";
import { lastJson, type StackCommand, stackCommand } from "../testing/stack-command.ts";
import { starterStore } from "../testing/starter-store.ts";

const run = promisify(execFile);
const NAME = "e2e-pull";
const docker = await requireDocker();
const store = docker === undefined ? undefined : await starterStore();

const ids = (result: Record<string, unknown>): readonly string[] =>
  (result["steps"] as { id: string }[]).map(({ id }) => id);

/** Images of a real registry, which moves a tag as registries do. */
describe.skipIf(store === undefined)("images that are pulled", () => {
  let cli: StackCommand;
  let engine: string;
  let gateway: string;

  const up = async (...more: readonly string[]) => {
    const images = ["--image", engine, "--gateway-image", gateway];
    return lastJson(await cli.run("up", "llamacpp", "--name", NAME, "--json", ...images, ...more));
  };
  const push = async (from: string, to: string): Promise<void> => {
    await run("docker", ["tag", from, to]);
    await run("docker", ["push", "--quiet", to]);
    await run("docker", ["rmi", to]);
  };
  /** Another image than the one it is made of, that behaves the same. */
  const pushOther = async (from: string, to: string): Promise<void> => {
    const { stdout } = await run("docker", ["create", from]);
    const container = stdout.trim();
    const change = `LABEL moved=${Date.now()}`;
    await run("docker", ["commit", "--change", change, container, to]);
    await run("docker", ["rm", container]);
    await run("docker", ["push", "--quiet", to]);
    await run("docker", ["rmi", to]);
  };
  const imageOf = async (role: string): Promise<string> => {
    const name = `stack-${NAME}-${role}`;
    const { stdout } = await run("docker", ["inspect", "--format", "{{.Id}} {{.Image}}", name]);
    return stdout.trim();
  };
  const locked = async (): Promise<Record<string, { id: string; digest?: string }>> => {
    const text = await readFile(join(cli.home, ".config/stack/stack.lock"), "utf8");
    return (JSON.parse(text) as { images: Record<string, { id: string; digest?: string }> }).images;
  };

  beforeAll(async () => {
    const { stdout } = await run("node", ["scripts/test-registry.ts", "start"]);
    const { address } = JSON.parse(stdout) as { address: string };
    engine = `${address}/e2e/llamacpp:1`;
    gateway = `${address}/e2e/haproxy:1`;
    await push("stack/llamacpp:0.7.0", engine);
    await push("stack/haproxy:3.0.11", gateway);
    cli = await stackCommand({ STACK_MODELS_DIR: store ?? "" });
  }, 120_000);
  afterAll(async () => {
    await cli.run("down", "--name", NAME);
    await cli[Symbol.asyncDispose]();
    await run("docker", ["rmi", "--force", engine, gateway]).catch(() => {});
  });

  it("are pulled at first, and locked to their digests", async () => {
    expect(ids(await up())).toEqual([
      "image:engine",
      "image:gateway",
      "networks",
      "containers",
      "gate",
    ]);
    expect((await locked())[engine]?.digest).toMatch(/\/e2e\/llamacpp@sha256:[0-9a-f]{64}$/);
    expect(await up()).toMatchObject({ changed: false, steps: [] });
  });

  it("leave what runs alone when a newer one is looked for and there is none", async () => {
    const before = await imageOf("engine");
    const again = await up("--pull", "always");
    expect(again).toMatchObject({ changed: false });
    expect(ids(again)).toEqual(["image:engine", "image:gateway"]);
    expect(await imageOf("engine")).toBe(before);
  });

  it("stay what they were locked to when the tag moves, until a new one is asked for", async () => {
    const before = await imageOf("engine");
    const lockBefore = (await locked())[engine];
    await pushOther("stack/llamacpp:0.7.0", engine);
    expect(await up()).toMatchObject({ changed: false, steps: [] });
    expect(await imageOf("engine")).toBe(before);

    const moved = await up("--pull", "always");
    expect(moved).toMatchObject({ changed: true });
    expect(ids(moved)).toEqual([
      "image:engine",
      "image:gateway",
      "clear",
      "networks",
      "containers",
      "gate",
    ]);
    expect((await imageOf("engine")).split(" ")[1]).not.toBe(before.split(" ")[1]);
    expect((await locked())[engine]?.id).not.toBe(lockBefore?.id);
    expect(await up()).toMatchObject({ changed: false, steps: [] });
  });
});
