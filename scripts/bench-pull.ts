#!/usr/bin/env node
// `pnpm bench:pull`: a model of 98 MB and four blobs from a registry on loopback, beside curl + fsync + mv of its weights.
// Ratios within one run are what counts. `--dir` chooses the disk (default: the temp folder).
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { argv } from "zx";
import { createHost } from "../src/host/real-host.ts";
import { download } from "../src/models/download/download.ts";
import { startMeter } from "../src/models/download/meter.ts";
import { digestSchema } from "../src/models/model.ts";
import { openHttp } from "../src/models/net/http.ts";
import { parseReference } from "../src/models/reference.ts";
import { openStore } from "../src/models/store.ts";
import type { RunContext } from "../src/run-context.ts";
import { fakeRegistry } from "../src/testing/fake-registry.ts";
import { tinyGguf } from "../src/testing/tiny-gguf.ts";

const BYTES = 98_362_432;
const ROUNDS = Number(argv["rounds"] ?? 9);
const REPOSITORY = "library/bench";

if (argv._[0] === "serve") await serve();
else await bench();

/** In a process of its own, so that sender and receiver do not share one thread. */
async function serve(): Promise<void> {
  const registry = await fakeRegistry();
  const { digests } = registry.addModel(REPOSITORY, "v1", tinyGguf({ weightBytes: BYTES }), [
    { mediaType: "application/vnd.ollama.image.template", content: "{{ .Prompt }}" },
    { mediaType: "application/vnd.ollama.image.params", content: "{}" },
  ]);
  console.log(`${registry.address} ${digests[1]}`);
}

async function bench(): Promise<void> {
  const server = spawn(process.execPath, [import.meta.filename, "serve"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const root = await mkdtemp(join(String(argv["dir"] ?? tmpdir()), "stack-bench-pull-"));
  try {
    const [line] = await once(server.stdout, "data");
    const [address = "", digest = ""] = String(line).trim().split(" ");
    await compare(root, address, digest);
  } finally {
    server.kill();
    await rm(root, { recursive: true, force: true });
  }
}

async function compare(root: string, address: string, digest: string): Promise<void> {
  const url = `http://${address}/v2/${REPOSITORY}/blobs/${digest}`;
  const work: Readonly<Record<string, (folder: string) => Promise<unknown>>> = {
    "curl + fsync + mv": async (folder) => {
      const [part, whole] = [join(folder, "part"), join(folder, "whole")];
      execFileSync("sh", [
        "-c",
        `curl -sf -o ${part} ${url} && sync ${part} && mv ${part} ${whole}`,
      ]);
    },
    "one blob": (folder) => oneBlob(folder, url, digest),
    "whole model": (folder) => {
      const store = openStore(context({ STACK_MODELS_DIR: folder }));
      return store.ensure(parseReference(`ollama:${address}/${REPOSITORY}:v1`), {
        insecureRegistries: [],
        offline: false,
        ca: undefined,
      });
    },
  };
  const samples = new Map(Object.keys(work).map((name): [string, number[]] => [name, []]));
  // Round by round, so that a busy moment hits all alike; the first fills caches.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, run] of Object.entries(work)) {
      const folder = join(root, "run");
      await mkdir(folder);
      const begun = performance.now();
      await run(folder);
      if (round > 0) samples.get(name)?.push(performance.now() - begun);
      await rm(folder, { recursive: true });
    }
  }
  report(samples);
}

async function oneBlob(folder: string, url: string, digest: string): Promise<void> {
  const world = context({});
  const http = await openHttp(world, undefined);
  const meter = startMeter(world, "bench", "bench");
  const tools = { context: world, http, meter, locks: join(folder, "locks") };
  await download(tools, join(folder, "blob"), {
    url,
    digest: digestSchema.parse(digest),
    bytes: undefined,
    name: "blob",
  });
  await http.close();
}

function report(samples: ReadonlyMap<string, readonly number[]>): void {
  const medianOf = (name: string): number =>
    samples.get(name)?.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0;
  const floor = medianOf("curl + fsync + mv");
  for (const name of samples.keys()) {
    const ms = medianOf(name);
    const rate = BYTES / 1000 / ms;
    console.log(
      `${name.padEnd(18)} ${ms.toFixed(0).padStart(5)} ms  ${rate.toFixed(0).padStart(4)} MB/s  × ${(ms / floor).toFixed(2)}`,
    );
  }
  const goals = [
    ["whole model at most 2 × curl + fsync + mv", medianOf("whole model") <= 2 * floor],
    // On a disk or a machine too busy for 400 MB/s, curl is not that fast either.
    [
      "one blob at least 400 MB/s, or 0.6 × the rate of curl",
      medianOf("one blob") <= Math.max(BYTES / 400_000, floor / 0.6),
    ],
    [
      "whole model in at most 0.6 s, or 1.5 × curl",
      medianOf("whole model") <= Math.max(600, 1.5 * floor),
    ],
  ] as const;
  for (const [goal, met] of goals) console.log(`${met ? "ok  " : "MISS"} ${goal}`);
  if (goals.some(([, met]) => !met)) process.exitCode = 1;
}

function context(env: Readonly<Record<string, string>>): RunContext {
  return {
    host: createHost({ PATH: process.env["PATH"], HOME: process.env["HOME"], ...env }),
    emit: () => {},
    signal: new AbortController().signal,
  };
}
