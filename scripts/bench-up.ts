#!/usr/bin/env node
// `pnpm bench:up [rounds]`: how long a warm `stack up ollama` takes beside raw `docker run` of the same two containers
// on the same two networks with a 5 ms poller and the same warm-up, in one run; and how long after the engine listens `up` knows that it
// answers. Needs a running engine (DOCKER_HOST) with images and, as root, the
// test registry: `node scripts/docker-engine.ts start 28.5`, `test-images.ts`, `test-registry.ts start`.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { $, chalk } from "zx";
import { STACK_ARGV } from "./stack-argv.ts";

$.verbose = false;
const rounds = Number(process.argv[2] ?? 7);
const NAME = "bench-up";
const home = await mkdtemp(join(tmpdir(), "stack-bench-"));
const { model } = JSON.parse((await $`node scripts/test-registry.ts start`).stdout) as {
  model: string;
};
const stack = $({ env: { ...process.env, HOME: home } });
// The newest Ollama that package registries have is below its security floor.
const up = () =>
  stack`node ${STACK_ARGV} up ollama --allow-vulnerable --name ${NAME} --model ${model} --json`;
const down = () => stack`node ${STACK_ARGV} down --name ${NAME}`;

interface Inspected {
  readonly Config: {
    readonly Image: string;
    readonly Env: readonly string[];
    readonly Cmd: readonly string[] | null;
    readonly Entrypoint: readonly string[] | null;
    readonly User: string;
  };
  readonly HostConfig: {
    readonly Memory: number;
    readonly PidsLimit: number;
    readonly Tmpfs: Readonly<Record<string, string>>;
  };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const time = async (work: () => Promise<unknown>): Promise<number> => {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
};

/** One request over a connection of its own; the status, or 0 when nobody answers within 100 ms (or `patience`). */
function ask(url: string, key: string, body?: object, patience = 100): Promise<number> {
  return new Promise((resolve) => {
    const outgoing = request(
      url,
      {
        method: body === undefined ? "GET" : "POST",
        agent: false,
        timeout: patience,
        headers: {
          authorization: `Bearer ${key}`,
          "content-type": "application/json",
          ...(body === undefined
            ? {}
            : { "content-length": Buffer.byteLength(JSON.stringify(body)) }),
        },
      },
      (incoming) => {
        incoming.resume();
        incoming.on("end", () => resolve(incoming.statusCode ?? 0));
      },
    );
    outgoing.on("timeout", () => outgoing.destroy());
    outgoing.on("error", () => resolve(0));
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

try {
  // The first one fetches what is missing, and shows what the two containers are.
  const first = await up();
  const result = JSON.parse(first.stdout.trim().split("\n").at(-1) ?? "") as {
    endpoint: { apiKey: string; apiBase: string; model: string };
  };
  const { apiKey, apiBase, model: served } = result.endpoint;
  const inspect = async (role: string): Promise<Inspected> =>
    (
      JSON.parse((await $`docker inspect stack-${NAME}-${role}`).stdout) as readonly Inspected[]
    )[0]!;
  const [engine, gateway] = [await inspect("engine"), await inspect("gateway")];
  const config = (await $`docker cp stack-${NAME}-gateway:/config/haproxy.cfg - | tar -xO`).stdout;
  const configFile = join(home, "haproxy.cfg");
  await writeFile(configFile, config, { mode: 0o644 });
  const port = Number(new URL(apiBase).port);
  const store = join(home, ".local/share/stack/models");
  await down();

  const flags = ({ Config, HostConfig }: Inspected): readonly string[] => [
    "--read-only",
    "--cap-drop",
    "ALL",
    "--security-opt",
    "no-new-privileges",
    "--user",
    Config.User,
    "--pids-limit",
    String(HostConfig.PidsLimit),
    "--memory",
    String(HostConfig.Memory),
    "--memory-swap",
    String(HostConfig.Memory),
    ...Object.entries(HostConfig.Tmpfs).flatMap(([path, how]) => ["--tmpfs", `${path}:${how}`]),
    ...Config.Env.flatMap((each) => ["-e", each]),
    ...(Config.Entrypoint?.[0] === undefined ? [] : ["--entrypoint", Config.Entrypoint[0]]),
  ];
  const command = ({ Config }: Inspected): readonly string[] => [
    ...(Config.Entrypoint?.slice(1) ?? []),
    ...(Config.Cmd ?? []),
  ];
  const networks: number[] = [];
  const sealed = `${NAME}-raw-sealed`;
  const outer = `${NAME}-raw-outer`;

  /** The same two networks and two containers by hand, and the same questions, asked every 5 ms. When the first was answered. */
  const raw = async (): Promise<number> => {
    networks.push(
      await time(() =>
        Promise.all([
          $`docker network create --internal ${sealed}`,
          $`docker network create ${outer}`,
        ]),
      ),
    );
    await Promise.all([
      $`docker run -d --name ${NAME}-raw-engine --network ${sealed} --network-alias engine -v ${store}:/models:ro ${flags(engine)} ${engine.Config.Image} ${command(engine)}`,
      $`docker create --name ${NAME}-raw-gateway --network ${outer} -p 127.0.0.1:${port}:8080 --dns 127.0.0.1 -v ${configFile}:/config/haproxy.cfg:ro ${flags(gateway)} ${gateway.Config.Image} ${command(gateway)}`
        .then(() => $`docker network connect ${sealed} ${NAME}-raw-gateway`)
        .then(() => $`docker start ${NAME}-raw-gateway`),
    ]);
    const origin = `http://127.0.0.1:${port}`;
    const until = async (poll: () => Promise<number>): Promise<void> => {
      while ((await poll()) !== 200) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    await until(() => ask(`${origin}/api/version`, apiKey));
    const answered = Date.now();
    await until(() =>
      ask(`${origin}/api/generate`, apiKey, { model: served, keep_alive: -1 }, 600_000),
    );
    await until(() =>
      ask(
        `${origin}/v1/chat/completions`,
        apiKey,
        { model: served, max_tokens: 1, messages: [{ role: "user", content: "Hi" }] },
        600_000,
      ),
    );
    return answered;
  };
  /** When the engine listened, by its own log and the daemon's clock, which is ours. */
  const listened = async (container: string): Promise<number> => {
    const { stderr } = await $`docker logs --timestamps ${container}`.quiet();
    const line = stderr.split("\n").find((each) => each.includes("Listening on"));
    return Date.parse(line?.split(" ")[0] ?? "");
  };
  /** When `up` says that the engine answers. */
  const noticed = async (): Promise<number> => {
    const running = up();
    let text = "";
    let at = Number.NaN;
    for await (const chunk of running.stdout) {
      text += String(chunk);
      if (Number.isNaN(at) && text.includes('"type":"rung","rung":"up"')) at = Date.now();
    }
    await running;
    return at;
  };
  const clear = async (): Promise<void> => {
    await $`docker rm -f ${NAME}-raw-engine ${NAME}-raw-gateway`.nothrow();
    await $`docker network rm ${sealed} ${outer}`.nothrow();
  };
  const ours: number[] = [];
  const theirs: number[] = [];
  const lags: number[] = [];
  const rawLags: number[] = [];
  try {
    for (let round = 0; round < rounds; round += 1) {
      let answered = 0;
      theirs.push(await time(async () => (answered = await raw())));
      rawLags.push(answered - (await listened(`${NAME}-raw-engine`)));
      await clear();
      ours.push(await time(up));
      await down();
      const at = await noticed();
      lags.push(at - (await listened(`stack-${NAME}-engine`)));
      await down();
    }
  } finally {
    await clear();
  }
  const ratio = median(ours) / median(theirs);
  console.log(
    `raw docker run + 5 ms poller  ${median(theirs).toFixed(0)} ms  (${theirs.map((ms) => ms.toFixed(0)).join(" ")})`,
  );
  console.log(
    `stack up ollama, warm         ${median(ours).toFixed(0)} ms  (${ours.map((ms) => ms.toFixed(0)).join(" ")})`,
  );
  console.log(
    `ratio ${ratio.toFixed(2)}  goal at most 1.30  ${ratio <= 1.3 ? chalk.green("met") : chalk.red("missed")}`,
  );
  const without = median(ours) / (median(theirs) - median(networks));
  console.log(`(beside containers on networks that are there already: ${without.toFixed(2)})`);
  const behind = median(lags) - median(rawLags);
  const list = (values: readonly number[]): string => values.map((ms) => ms.toFixed(0)).join(" ");
  console.log(
    `from listening to noticed: poller ${median(rawLags).toFixed(0)} ms (${list(rawLags)}), up ${median(lags).toFixed(0)} ms (${list(lags)})`,
  );
  console.log(
    `behind the poller by ${behind.toFixed(0)} ms  goal at most 60  ${behind <= 60 ? chalk.green("met") : chalk.red("missed")}`,
  );
  if (ratio > 1.3 || behind > 60) process.exitCode = 1;
} finally {
  await down().nothrow();
  await rm(home, { recursive: true, force: true });
}
