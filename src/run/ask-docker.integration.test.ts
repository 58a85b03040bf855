import { once } from "node:events";
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Clock } from "../host/host.ts";
import { createHost } from "../host/real-host.ts";
import { type FakeDocker, fakeDocker } from "../testing/fake-docker.ts";
import { json } from "../testing/fake-docker-state.ts";
import { OWN_ENDPOINT, runsEmbedded } from "../testing/own-stack.ts";
import { type TestHost, testHost } from "../testing/test-host.ts";
import { askDocker } from "./ask-docker.ts";
import { down } from "./down.ts";
import { heldByContainers } from "./held-memory.ts";
import { stackFolder, writeEndpoint } from "./stack-folder.ts";

/** A daemon that answers a ping and then nothing. Whatever is waited for on the clock is over as soon as it was asked. */
let docker: FakeDocker;
let test: TestHost;
let unanswered: number;
beforeEach(async () => {
  docker = await fakeDocker();
  unanswered = 0;
  const asked = Promise.withResolvers<void>();
  docker.fault("GET /containers/json", () => {
    unanswered += 1;
    asked.resolve();
  });
  const clock: Clock = {
    ...createHost({}).clock,
    sleep: async (_ms, signal) => {
      const aborted = signal && once(signal, "abort");
      await Promise.race([asked.promise, ...(aborted ? [aborted] : [])]);
      signal?.throwIfAborted();
      // Others have their turn too.
      await pause(1);
    },
  };
  test = await testHost({ env: { DOCKER_HOST: docker.host }, clock });
});
afterEach(async () => {
  await test[Symbol.asyncDispose]();
  await docker[Symbol.asyncDispose]();
});

const list = (name: string): Promise<string> =>
  askDocker(test.context, [name], "unasked", async ({ containers }, signal) => {
    await containers.list({}, signal);
    return "answered";
  });
const tooSlow = {
  type: "warning",
  message: expect.stringMatching(/^Docker could not be asked .* no answer within \d+ s\.$/),
  next: "stack doctor",
};

describe("a daemon that answers a ping and then hangs", () => {
  it("is not waited for by a stack that is not known to be in containers, and that is told", async () => {
    expect(await list("default")).toBe("unasked");
    expect(test.events).toEqual([tooSlow]);
  });

  it("costs a command that waiting once, however often it would ask", async () => {
    const nothing = { containers: 0, ports: [], bytes: 0 };
    expect(await heldByContainers(test.context, "default")).toEqual(nothing);
    expect(await list("default")).toBe("unasked");
    expect(unanswered).toBe(1);
    expect(test.events).toEqual([tooSlow]);
  });

  it("does not keep the embedded engine from going", async () => {
    using own = await runsEmbedded(test.host);
    const ended = once(own.child, "exit");
    const { removed } = await down(test.context, { name: "default", purge: false });
    await ended;
    expect(removed).toEqual([`process ${own.child.pid}`]);
    expect(test.events).toEqual([tooSlow]);
  });

  it("is waited for where the stack is known to be in containers", async () => {
    await writeEndpoint(stackFolder(test.host, "default"), { ...OWN_ENDPOINT, engine: "ollama" });
    docker.fault("GET /containers/json", (_, response) => {
      setTimeout(() => json(response, 200, []), 50);
    });
    const clock = { ...test.host.clock, sleep: async () => {} };
    const context = { ...test.context, host: { ...test.host, clock } };
    const answer = await askDocker(context, ["default"], "unasked", async (runtime, signal) => {
      await runtime.containers.list({}, signal);
      return "answered";
    });
    expect(answer).toBe("answered");
    expect(test.events).toEqual([]);
  });
});

describe("a daemon that hangs at the ping", () => {
  /** Rootless Docker hangs, and Podman is there. Only the wait for the first ping is over, as soon as that was asked. */
  async function behind(podman: FakeDocker): Promise<void> {
    const folder = docker.host.slice("unix://".length, -"/docker.sock".length);
    await mkdir(join(folder, "podman"));
    await symlink(podman.host.slice("unix://".length), join(folder, "podman", "podman.sock"));
    await test[Symbol.asyncDispose]();
    const asked = Promise.withResolvers<void>();
    docker.fault("GET /_ping", () => {
      unanswered += 1;
      asked.resolve();
    });
    let waits = 0;
    const clock: Clock = {
      ...createHost({}).clock,
      sleep: async (_ms, signal) => {
        waits += 1;
        if (waits === 1) return asked.promise;
        if (signal !== undefined) await once(signal, "abort");
        throw new Error("over");
      },
    };
    test = await testHost({ env: { XDG_RUNTIME_DIR: folder }, clock });
  }

  it("does not hide the one behind it, and is told of and waited for once", async () => {
    await using podman = await fakeDocker({ podman: true });
    await behind(podman);
    expect(await list("default")).toBe("answered");
    expect(await list("default")).toBe("answered");
    expect(unanswered).toBe(1);
    expect(test.events).toEqual([
      {
        type: "warning",
        message: expect.stringMatching(
          /^unix:\S+docker\.sock gave no answer .* \S+podman\.sock is /,
        ),
        next: "stack doctor",
      },
    ]);
  });

  it("is a daemon that could not be asked where no other answers", async () => {
    await using podman = await fakeDocker();
    await behind(podman);
    podman.fault("GET /_ping", (_, response) => void response.destroy());
    expect(await list("default")).toBe("unasked");
    expect(await list("default")).toBe("unasked");
    expect(unanswered).toBe(1);
    expect(test.events).toEqual([tooSlow]);
  });
});

it("a daemon that breaks off in the middle is told of: there is one", async () => {
  docker.fault("GET /containers/json", (_, response) => void response.destroy());
  expect(await list("default")).toBe("unasked");
  expect(test.events).toMatchObject([{ message: expect.stringContaining("broke") }]);
});

it("Ctrl-C is heard while it is waited for", async () => {
  const never = new Promise<never>(() => {});
  docker.fault("GET /containers/json", () => test.abort.abort(new Error("interrupted")));
  const clock = { ...test.host.clock, sleep: () => never };
  const context = { ...test.context, host: { ...test.host, clock } };
  await expect(
    askDocker<unknown>(context, ["default"], [], async ({ containers }, signal) =>
      containers.list({}, signal),
    ),
  ).rejects.toThrow("interrupted");
});
