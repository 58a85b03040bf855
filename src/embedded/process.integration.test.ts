import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type EmbeddedServer, freePort, startEmbedded } from "../testing/embedded-server.ts";
import { starterModel } from "../testing/starter-model.ts";

let folder = "";
let modelPath = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stack-embedded-process-"));
  modelPath = await starterModel();
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** The first answer on a socket that is not open yet. */
async function untilOpen(request: () => Promise<Response>): Promise<Response> {
  for (;;) {
    try {
      return await request();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

function lastWords(server: EmbeddedServer): unknown {
  return JSON.parse(server.log().at(-1) ?? "{}");
}

describe("the embedded engine's process", () => {
  it("answers before it can serve, and says so", async () => {
    await using server = await startEmbedded({ modelPath });
    const health = await untilOpen(() => fetch(`${server.origin}/health`));
    expect(health.status).toBe(503);
    expect(await health.json()).toMatchObject({ status: "loading" });
    const early = await server.request("/v1/chat/completions", {
      messages: [{ role: "user", content: "Hi" }],
    });
    expect(early.status).toBe(503);
    expect(early.headers.get("retry-after")).toBe("1");
    expect(await early.json()).toMatchObject({ error: { code: "model_loading" } });
    await server.ready();
  });

  it("ends within two seconds of SIGTERM, in the middle of an answer, which says why it ends", async () => {
    await using server = await startEmbedded({ modelPath });
    await server.ready();
    const answer = await server.request("/v1/completions", {
      prompt: "1, 2, 3, 4, 5, 6, 7, 8,",
      temperature: 0,
      max_tokens: 1500,
      stream: true,
    });
    const reader = answer.body?.getReader();
    await reader?.read();
    const begin = performance.now();
    server.process.kill("SIGTERM");
    let text = "";
    for (;;) {
      const piece = await reader?.read();
      if (piece === undefined || piece.done) break;
      text += new TextDecoder().decode(piece.value);
    }
    expect(await server.exit()).toBe(0);
    expect(performance.now() - begin).toBeLessThan(2000);
    expect(text).toContain('"code":"stopping"');
    expect(lastWords(server)).toMatchObject({ event: "stopped" });
  });

  it("leaves nothing behind when it is killed: the next one takes the same port", async () => {
    const port = await freePort();
    {
      await using server = await startEmbedded({ modelPath, port });
      await server.ready();
      server.process.kill("SIGKILL");
      await server.exit();
    }
    await using server = await startEmbedded({ modelPath, port });
    await server.ready();
    expect((await server.request("/v1/models")).status).toBe(200);
  });

  it("ends with PORT_BUSY when the port is taken", async () => {
    const holder = createServer().listen(0, "127.0.0.1");
    await once(holder, "listening");
    const address = holder.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    await using server = await startEmbedded({ modelPath, port: address.port });
    expect(await server.exit()).toBe(5);
    expect(lastWords(server)).toMatchObject({ level: "fatal", code: "PORT_BUSY" });
    holder.close();
  });

  it.each([
    ["is not there", undefined],
    ["is no model", "not a GGUF file"],
  ])("ends with MODEL_UNAVAILABLE when the file %s", async (_title, content) => {
    const path = join(folder, `${_title.replaceAll(" ", "-")}.gguf`);
    if (content !== undefined) await writeFile(path, content);
    await using server = await startEmbedded({ modelPath: path });
    expect(await server.exit()).toBe(6);
    expect(lastWords(server)).toMatchObject({ level: "fatal", code: "MODEL_UNAVAILABLE" });
  });

  it.each([
    ["exceeds what the model was trained for", { context: 16_384 }],
    ["exceeds the memory", { context: 4_000_000, stretch: true }],
  ])("ends with DOES_NOT_FIT when the context %s", async (_title, config) => {
    await using server = await startEmbedded({ modelPath, ...config });
    expect(await server.exit()).toBe(8);
    expect(lastWords(server)).toMatchObject({ level: "fatal", code: "DOES_NOT_FIT" });
  });

  it("serves more than the model was trained for when told to stretch", async () => {
    await using server = await startEmbedded({
      modelPath,
      context: 700,
      trainedContext: 512,
      stretch: true,
    });
    await server.ready();
    const answer = await server.request("/v1/completions", {
      prompt: "word ".repeat(640),
      max_tokens: 5,
    });
    expect(answer.status).toBe(200);
  });

  it("does not start with a configuration that it does not know, and does not show it", async () => {
    await using server = await startEmbedded({ modelPath, apiKey: "" });
    expect(await server.exit()).toBe(1);
    expect(lastWords(server)).toMatchObject({ level: "fatal", code: "UNEXPECTED" });
  });
});
