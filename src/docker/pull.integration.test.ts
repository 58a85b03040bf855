import { chmod, mkdir, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { StackError } from "../errors.ts";
import type { Progress } from "../events.ts";
import { fakeDocker } from "../testing/fake-docker.ts";
import { testHost } from "../testing/test-host.ts";
import { connect } from "./connect.ts";

type Answer = (response: ServerResponse) => void;

interface Pulled {
  readonly error: unknown;
  readonly progress: readonly Progress[];
  readonly query: string;
  readonly auth: string | undefined;
}

/** Pulls from a daemon that answers so. `prepare` may write into the home folder first. */
async function pull(
  reference: string,
  answer: Answer,
  prepare: (home: string) => Promise<void> = async () => {},
): Promise<Pulled> {
  await using docker = await fakeDocker();
  await using rig = await testHost({ env: { DOCKER_HOST: docker.host } });
  await prepare(rig.home);
  const path = `${join(rig.home, "bin")}:${process.env["PATH"]}`;
  const host = { ...rig.host, exec: execWithPath(rig.host, path) };
  docker.fault("POST /images/create", (_, response) => answer(response));
  const runtime = await connect(host, { signal: rig.abort.signal });
  const progress: Progress[] = [];
  const error = await runtime.images
    .pull(reference, { signal: rig.abort.signal, onProgress: (event) => progress.push(event) })
    .then(
      () => undefined,
      (reason: unknown) => reason,
    );
  const request = docker.requests.find((each) => each.path === "/images/create");
  const auth = request?.headers["x-registry-auth"];
  return {
    error,
    progress,
    query: request?.query.toString() ?? "",
    auth: auth === undefined ? undefined : Buffer.from(String(auth), "base64url").toString(),
  };
}

type Exec = Awaited<ReturnType<typeof testHost>>["host"]["exec"];

function execWithPath({ exec }: { readonly exec: Exec }, path: string): Exec {
  return (file, args, options) => exec(file, args, { ...options, env: { PATH: path } });
}

const lines = (...all: readonly object[]): string =>
  all.map((line) => `${JSON.stringify(line)}\r\n`).join("");

const whole: Answer = (response) => response.end(lines({ status: "Pull complete", id: "a" }));

describe("the stream", () => {
  it("is read however it is cut, and layers are summed", async () => {
    const bytes = Buffer.from(
      lines(
        { id: "a", status: "Downloading", progressDetail: { current: 10, total: 100 } },
        { id: "b", status: "Downloading", progressDetail: { current: 5, total: 50 } },
        { id: "b", status: "Download complete" },
        { status: "Statüs: ✓ done" },
      ),
    );
    const { error, progress } = await pull("x:1", (response) => {
      const next = (at: number): void => {
        if (at >= bytes.length) {
          response.end();
          return;
        }
        response.write(bytes.subarray(at, at + 7), () => next(at + 7));
      };
      next(0);
    });
    expect(error).toBeUndefined();
    expect(progress.at(-1)).toMatchObject({
      id: "image:x:1",
      bytes: 60,
      totalBytes: 150,
      done: true,
    });
  });

  it.each<[string, Answer, RegExp]>([
    [
      "an error in it",
      (response) =>
        response.end(
          lines(
            { status: "Pulling" },
            { error: "manifest unknown", errorDetail: { message: "manifest unknown" } },
          ),
        ),
      /manifest unknown/,
    ],
    [
      "an old daemon's error, without detail",
      (response) => response.end(lines({ error: "toomanyrequests" })),
      /toomanyrequests/,
    ],
    [
      "a cut connection",
      (response) => {
        response.write(lines({ id: "a", status: "Downloading" }));
        setImmediate(() => response.destroy());
      },
      /connection to the daemon broke/,
    ],
    [
      "a refusal before it",
      (response) => response.writeHead(404).end(JSON.stringify({ message: "no such repository" })),
      /no such repository/,
    ],
  ])("%s is a failure", async (_, answer, words) => {
    const { error } = await pull("x:1", answer);
    if (!(error instanceof StackError)) throw new Error(String(error));
    expect(error.code).toBe("IMAGE_UNAVAILABLE");
    expect(error.message).toMatch(words);
    expect(error.next).toContain("stack image build");
  });

  it("is closed when the signal aborts", async () => {
    await using docker = await fakeDocker();
    await using rig = await testHost({ env: { DOCKER_HOST: docker.host } });
    const closed = Promise.withResolvers<void>();
    docker.fault("POST /images/create", (_, response) => {
      response.on("close", closed.resolve);
      response.write(lines({ status: "Pulling" }), () => rig.abort.abort(new Error("enough")));
    });
    const runtime = await connect(rig.host, { signal: rig.abort.signal });
    const pulling = runtime.images.pull("x:1", { signal: rig.abort.signal, onProgress: () => {} });
    await expect(pulling).rejects.toThrow("enough");
    await closed.promise;
  });
});

describe("the reference", () => {
  it.each([
    ["x:1", "fromImage=x%3A1"],
    ["localhost:5000/x", "fromImage=localhost%3A5000%2Fx&tag=latest"],
    ["x@sha256:ab", "fromImage=x%40sha256%3Aab"],
  ])("%s never pulls more than one tag", async (reference, query) => {
    expect((await pull(reference, whole)).query).toBe(query);
  });
});

describe("credentials", () => {
  const config = (home: string, content: object): Promise<void> =>
    mkdir(join(home, ".docker"), { recursive: true }).then(() =>
      writeFile(join(home, ".docker", "config.json"), JSON.stringify(content)),
    );
  const helper = async (home: string, script: string): Promise<void> => {
    await mkdir(join(home, "bin"), { recursive: true });
    const file = join(home, "bin", "docker-credential-test");
    await writeFile(file, `#!/bin/sh\n${script}\n`);
    await chmod(file, 0o755);
  };

  it("none: none are sent", async () => {
    expect((await pull("r.example/x:1", whole)).auth).toBeUndefined();
  });

  it("from the configuration file, for its registry only", async () => {
    const auth = Buffer.from("me:pass:word").toString("base64");
    const prepare = (home: string): Promise<void> =>
      config(home, { auths: { "r.example": { auth } } });
    expect((await pull("r.example/x:1", whole, prepare)).auth).toBe(
      '{"username":"me","password":"pass:word","serveraddress":"r.example"}',
    );
    expect((await pull("x:1", whole, prepare)).auth).toBeUndefined();
  });

  it("from a helper, which is asked for the registry", async () => {
    const { auth } = await pull("x:1", whole, async (home) => {
      await config(home, { credsStore: "test" });
      await helper(home, `printf '{"Username":"u","Secret":"%s"}' "$(cat)"`);
    });
    expect(auth).toBe(
      '{"username":"u","password":"https://index.docker.io/v1/","serveraddress":"https://index.docker.io/v1/"}',
    );
  });

  it("a helper that has none does not stop the pull", async () => {
    const { auth, error } = await pull("r.example/x:1", whole, async (home) => {
      await config(home, { credHelpers: { "r.example": "test" } });
      await helper(home, "echo 'credentials not found' >&2; exit 1");
    });
    expect([auth, error]).toEqual([undefined, undefined]);
  });
});
