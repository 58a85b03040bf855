import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type EmbeddedServer, startEmbedded, TEST_KEY } from "../testing/embedded-server.ts";
import { lastJson, type StackCommand, stackCommand } from "../testing/stack-command.ts";
import { starterModel } from "../testing/starter-model.ts";
import { hasOpenssl, tlsFront } from "../testing/tls-front.ts";

const run = promisify(execFile);

/** A real server that somebody else has started: our own engine, in a process that no stack knows. */
describe("stack up openai, beside a real server on this machine", () => {
  let server: EmbeddedServer;
  let cli: StackCommand;
  let keyFile: string;

  const up = (origin: string, ...more: readonly string[]) =>
    cli.run("up", "openai", "--url", `${origin}/v1`, "--json", ...more);
  const status = async () => lastJson(await cli.run("status", "--json"));
  const writeKey = async (name: string, key: string, mode: number): Promise<string> => {
    const file = join(cli.home, name);
    await writeFile(file, key, { mode });
    return file;
  };

  beforeAll(async () => {
    cli = await stackCommand({ DOCKER_HOST: "unix:///nowhere/docker.sock" });
    server = await startEmbedded({ modelPath: await starterModel(), context: 4096 });
    await server.ready();
    keyFile = await writeKey("key", `${TEST_KEY}\n`, 0o600);
  });
  afterEach(async () => {
    await cli.run("down");
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await cli[Symbol.asyncDispose]();
  });

  it("adopts it with its key, says what was found, and leaves it running", async () => {
    const result = await up(server.origin, "--key-file", keyFile);
    expect(result.exitCode).toBe(0);
    expect(result.stdout).not.toContain("may read");
    expect(lastJson(result)).toMatchObject({
      changed: true,
      endpoint: {
        apiBase: `${server.origin}/v1`,
        apiKey: TEST_KEY,
        model: "smollm2:135m",
        contextWindow: 4096,
        adopted: true,
        measured: { context: { proof: "told" }, tools: { accepted: true } },
      },
    });
    expect(lastJson(await up(server.origin, "--key-file", keyFile))).toMatchObject({
      changed: false,
    });
    const told = await cli.run("status");
    expect(told.stdout).toMatch(/^state +running, answers$/m);
    expect(told.stdout).toMatch(/^context +4096 tokens, says the engine$/m);
    expect(told.stdout).toMatch(/^runs as +http:\S+\/v1: adopted, not ours$/m);
    expect(told.stdout).not.toContain(TEST_KEY);

    const down = await cli.run("down", "--json");
    expect(lastJson(down)).toMatchObject({ leftRunning: `${server.origin}/v1` });
    expect((await server.request("/v1/models")).status).toBe(200);
    expect((await cli.run("status")).exitCode).toBe(2);
  });

  it.each([
    ["a wrong one", async () => ["--key-file", await writeKey("wrong", "sk-wrong", 0o600)]],
    ["none", async () => []],
  ])("says so when it wants a key and is given %s", async (_title, args) => {
    const result = await up(server.origin, ...(await args()));
    expect(result.exitCode).toBe(2);
    expect(lastJson(result)).toMatchObject({
      code: "USAGE",
      what: expect.stringMatching(/refuses the key \(HTTP 401: /),
      next: expect.stringContaining("--key-file FILE"),
    });
    expect((await cli.run("status")).exitCode).toBe(2);
  });

  it.each([
    ["is not there", async () => join(cli.home, "nowhere"), /is not there/],
    ["is empty", () => writeKey("empty", "\n", 0o600), /holds no key/],
    ["holds more than a key", () => writeKey("more", "Bearer sk-1 sk-2", 0o600), /holds no key/],
  ])("refuses a file that %s", async (_title, file, what) => {
    const result = await up(server.origin, "--key-file", await file());
    expect(result.exitCode).toBe(2);
    expect(lastJson(result)).toMatchObject({ what: expect.stringMatching(what) });
  });

  it("takes a key that others may read, and warns", async () => {
    const file = await writeKey("open", TEST_KEY, 0o644);
    const result = await up(server.origin, "--key-file", file);
    expect(result.exitCode).toBe(0);
    expect(result.stdout).toContain(`"next":"chmod 600 ${file}"`);
  });

  describe.skipIf(!hasOpenssl())("behind TLS, by an authority of its own (needs openssl)", () => {
    it("is adopted with --ca, and `status` finds it too", async () => {
      await using front = await tlsFront(cli.home, server.port);
      const key = ["--key-file", keyFile];
      const unknown = await up(front.origin, ...key);
      expect(unknown.exitCode).toBe(2);
      expect(lastJson(unknown)).toMatchObject({
        code: "USAGE",
        why: expect.stringContaining("authority that is not trusted here"),
        next: expect.stringContaining("--ca FILE"),
      });
      const result = await up(front.origin, "--ca", front.ca, ...key);
      expect(result.exitCode).toBe(0);
      expect(lastJson(result)).toMatchObject({
        endpoint: {
          ca: front.ca,
          warnings: expect.arrayContaining([expect.stringContaining("NODE_EXTRA_CA_CERTS")]),
        },
      });
      expect(await status()).toMatchObject({ state: "running", answers: true });
    });

    it("is believed by clients with what `stack env` sets, which believe all others too", async () => {
      await using front = await tlsFront(cli.home, server.port);
      expect((await up(front.origin, "--ca", front.ca, "--key-file", keyFile)).exitCode).toBe(0);
      const { env } = lastJson(await cli.run("env", "--json")) as {
        env: Record<string, string>;
      };
      const program =
        "const r = await fetch(process.env.OPENAI_BASE_URL + '/models', { headers: { authorization: 'Bearer ' + process.env.OPENAI_API_KEY } }); console.log(r.status)";
      const asks = (more: Readonly<Record<string, string>>) =>
        run(process.execPath, ["--input-type=module", "-e", program], {
          env: { PATH: cli.env["PATH"], ...more },
        });
      expect((await asks(env)).stdout).toBe("200\n");
      const { NODE_EXTRA_CA_CERTS: _, ...without } = env;
      await expect(asks(without)).rejects.toThrow("fetch failed");
      // What believes one file alone, such as Python's httpx, finds this authority in it and those of the public.
      const all = env["SSL_CERT_FILE"] ?? "";
      await run("openssl", ["verify", "-no-CApath", "-CAfile", all, front.ca]);
      const text = await readFile(all, "utf8");
      expect(text.match(/BEGIN CERTIFICATE/g)?.length).toBeGreaterThan(50);
    });

    it("is adopted by the environment's authority", async () => {
      await using front = await tlsFront(cli.home, server.port);
      const env = { ...cli.env, SSL_CERT_FILE: front.ca };
      await using trusting = await stackCommand(env);
      const args = ["--url", `${front.origin}/v1`, "--key-file", keyFile];
      expect((await trusting.run("up", "openai", ...args)).exitCode).toBe(0);
      expect(lastJson(await trusting.run("status", "--json"))).toMatchObject({ answers: true });
    });
  });

  it("that ends is told by `status`, and `up` says that it does not answer", async () => {
    await using other = await startEmbedded({ modelPath: await starterModel() });
    await other.ready();
    expect((await up(other.origin, "--key-file", keyFile)).exitCode).toBe(0);
    other.process.kill("SIGKILL");
    await other.exit();
    expect(await status()).toMatchObject({ state: "stopped", answers: false });
    const again = await up(other.origin, "--key-file", keyFile);
    expect(again.exitCode).toBe(10);
    expect(lastJson(again)).toMatchObject({
      code: "ENGINE_STOPPED",
      why: expect.stringContaining("Nothing listens at"),
    });
  });
});
