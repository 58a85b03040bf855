import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";

const run = promisify(execFile);

export interface HostServer extends AsyncDisposable {
  readonly origin: string;
  readonly container: string;
  /** Whether it still runs. */
  runs(): Promise<boolean>;
}

/**
 * A server of somebody else on this machine's own loopback. It comes out of an image of ours, since a binary of another
 * Debian has no libraries here, and it has the host's network and no label of a stack.
 */
export async function hostServer(options: {
  readonly image: string;
  readonly port: number;
  /** Answers 200 once it is up. */
  readonly path: string;
  readonly volumes?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly command?: readonly string[];
}): Promise<HostServer> {
  const { image, port, path, volumes = [], env = {}, command = [] } = options;
  const origin = `http://127.0.0.1:${port}`;
  const { stdout } = await run("docker", [
    "run",
    "--detach",
    "--network=host",
    ...volumes.map((volume) => `--volume=${volume}`),
    ...Object.entries(env).map(([name, value]) => `--env=${name}=${value}`),
    image,
    ...command,
  ]);
  const container = stdout.trim();
  const remove = async (): Promise<void> => {
    await run("docker", ["rm", "--force", "--volumes", container]);
  };
  try {
    const deadline = performance.now() + 60_000;
    for (;;) {
      const answer = await fetch(`${origin}${path}`).catch(() => undefined);
      if (answer?.ok === true) break;
      if (performance.now() > deadline) throw new Error(`${image} does not answer at ${origin}`);
      await sleep(50);
    }
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    origin,
    container,
    async runs() {
      const inspected = await run("docker", ["inspect", "--format={{.State.Running}}", container]);
      return inspected.stdout.trim() === "true";
    },
    [Symbol.asyncDispose]: remove,
  };
}
