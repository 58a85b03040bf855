import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Progress } from "../events.ts";
import { requireDocker } from "../testing/require-docker.ts";
import type { Runtime } from "./runtime.ts";

const run = promisify(execFile);
const runtime = await requireDocker();

describe.skipIf(runtime === undefined)("images on a real daemon, from a real registry", () => {
  let docker: Runtime;
  let reference: string;

  beforeAll(async () => {
    if (runtime === undefined) return;
    docker = runtime;
    const { stdout } = await run("node", ["scripts/test-registry.ts", "start"]);
    const { model } = JSON.parse(stdout) as { model: string };
    const registry = /^ollama:([^/]+)\//.exec(model)?.[1] ?? "";
    reference = `${registry}/stack-test/image:1`;
    await docker.images.build({
      tag: reference,
      context: [
        { name: "Dockerfile", content: "FROM scratch\nADD file /\nLABEL stack.test=yes\n" },
        { name: "file", content: "x".repeat(3_000_000) },
      ],
      buildArgs: {},
      onLine: () => {},
      signal: AbortSignal.timeout(60_000),
    });
    await run("docker", ["push", reference]);
    await run("docker", ["rmi", reference]);
  });
  afterAll(async () => {
    if (runtime !== undefined) await run("docker", ["rmi", "--force", reference]);
  });

  it("are pulled with progress, and known by digest from then on", async () => {
    const seen: Progress[] = [];
    expect(await docker.images.inspect(reference)).toBeUndefined();
    await docker.images.pull(reference, {
      onProgress: (event) => seen.push(event),
      signal: AbortSignal.timeout(60_000),
    });
    expect(seen.at(-1)).toMatchObject({ id: `image:${reference}`, done: true });
    const facts = await docker.images.inspect(reference);
    expect(facts).toMatchObject({ labels: { "stack.test": "yes" } });
    const [digest = ""] = facts?.repoDigests ?? [];
    expect(digest).toMatch(/\/stack-test\/image@sha256:[0-9a-f]{64}$/);
    expect((await docker.images.inspect(digest))?.id).toBe(facts?.id);

    await run("docker", ["rmi", reference]);
    await docker.images.pull(digest, { onProgress: () => {}, signal: AbortSignal.timeout(60_000) });
    expect((await docker.images.inspect(digest))?.id).toBe(facts?.id);
    await run("docker", ["tag", digest, reference]);
  });

  it("a tag that the registry does not have is named as the cause", async () => {
    const pulling = docker.images.pull(`${reference}2`, {
      onProgress: () => {},
      signal: AbortSignal.timeout(60_000),
    });
    await expect(pulling).rejects.toMatchObject({
      code: "IMAGE_UNAVAILABLE",
      why: expect.stringMatching(/manifest|not found|unknown/),
    });
  });
});
