import { writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { extract } from "tar-stream";
import { describe, expect, it } from "vitest";
import { StackError } from "../errors.ts";
import { type FakeDocker, fakeDocker } from "../testing/fake-docker.ts";
import { type TestHost, testHost } from "../testing/test-host.ts";
import { connect } from "./connect.ts";
import { buildImage, isRecipe, type RecipeName, RECIPES } from "./image-build.ts";

interface Built {
  readonly docker: FakeDocker;
  readonly rig: TestHost;
  readonly lines: readonly string[];
  readonly error: unknown;
  /** Of the build request: its query, and the files of its context. */
  readonly query: URLSearchParams;
  readonly files: Readonly<Record<string, string>>;
}

const lines = (...all: readonly object[]): string =>
  all.map((line) => `${JSON.stringify(line)}\r\n`).join("");

async function build(
  name: RecipeName,
  options: {
    readonly base?: boolean;
    readonly uid?: number;
    readonly env?: Readonly<Record<string, string>>;
    readonly ca?: string;
    readonly answer?: (response: ServerResponse) => void;
  } = {},
): Promise<Built> {
  await using docker = await fakeDocker();
  await using rig = await testHost({
    env: { DOCKER_HOST: docker.host, ...options.env },
    user: { uid: options.uid ?? 1000, gid: 1000 },
  });
  if (options.base ?? true) docker.images.set(RECIPES.base.tag, "sha256:base");
  const answer = options.answer ?? ((response) => response.end(lines({ stream: "done\n" })));
  docker.fault("POST /build", (_, response) => answer(response));
  const ca = options.ca === undefined ? undefined : join(rig.home, "site.pem");
  if (ca !== undefined) await writeFile(ca, options.ca ?? "");
  const runtime = await connect(rig.host, { signal: rig.abort.signal });
  const said: string[] = [];
  const error = await buildImage(rig.host, runtime, name, {
    ca,
    onLine: (line) => said.push(line),
    signal: rig.abort.signal,
  }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  const request = docker.requests.find(({ path }) => path === "/build");
  return {
    docker,
    rig,
    lines: said,
    error,
    query: request?.query ?? new URLSearchParams(),
    files: await filesOf(request?.body ?? Buffer.alloc(0)),
  };
}

async function filesOf(tar: Buffer): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  if (tar.length === 0) return files;
  const reader = extract();
  reader.end(tar);
  for await (const entry of reader) {
    let content = "";
    for await (const chunk of entry) content += String(chunk);
    files[entry.header.name] = content;
  }
  return files;
}

function failureOf({ error }: Built): StackError {
  if (error instanceof StackError) return error;
  throw new Error(`not a StackError: ${String(error)}`);
}

describe("a build", () => {
  it("sends the recipe, and says what the steps print", async () => {
    const built = await build("haproxy", {
      answer: (response) =>
        response.end(lines({ stream: "Step 1" }, { stream: "/4\n\u001B[91mwarned\u001B[0m\n" })),
    });
    expect(built.error).toBeUndefined();
    expect(built.query.get("t")).toBe(RECIPES.haproxy.tag);
    expect(Object.keys(built.files)).toEqual(["Dockerfile"]);
    expect(built.files["Dockerfile"]).toContain("haproxy=${HAPROXY_VERSION}-*");
    expect(JSON.parse(built.query.get("buildargs") ?? "")).toEqual({ BASE: RECIPES.base.tag });
    expect(built.lines).toEqual(["Step 1/4", "warned"]);
  });

  it.each<[string, Parameters<typeof build>[1]]>([
    ["named by a flag", { ca: "PEM" }],
    [
      "named by the flag, whatever the environment says",
      { ca: "PEM", env: { SSL_CERT_FILE: "/nowhere" } },
    ],
  ])("carries the site's authorities, %s", async (_, options) => {
    expect((await build("ollama", options)).files["ca.crt"]).toBe("PEM");
  });

  it("that is to carry authorities which cannot be read is not begun", async () => {
    const built = await build("ollama", { env: { NODE_EXTRA_CA_CERTS: "/nowhere/ca.pem" } });
    expect(failureOf(built).code).toBe("USAGE");
    expect(built.files).toEqual({});
  });

  it("is told the site's module proxy and web proxy, but not one on loopback", async () => {
    const { query } = await build("ollama", {
      env: {
        GOPROXY: "https://go.site.example",
        HTTPS_PROXY: "http://proxy.site.example:3128",
        HTTP_PROXY: "http://127.0.0.1:3128",
      },
    });
    expect(JSON.parse(query.get("buildargs") ?? "")).toEqual({
      BASE: RECIPES.base.tag,
      GOPROXY: "https://go.site.example",
      https_proxy: "http://proxy.site.example:3128",
    });
  });

  it.each<[string, (response: ServerResponse) => void, RegExp]>([
    [
      "a step that fails",
      (response) =>
        response.end(
          lines({ stream: "E: no such package\n" }, { errorDetail: { message: "code: 100" } }),
        ),
      /code: 100/,
    ],
    [
      "a cut connection",
      (response) => {
        response.write(lines({ stream: "E: no such package\n" }));
        setImmediate(() => response.destroy());
      },
      /aborted|premature/i,
    ],
    [
      "a refusal",
      (response) =>
        response.writeHead(400).end(JSON.stringify({ message: "dockerfile parse error" })),
      /dockerfile parse error/,
    ],
  ])("%s is a failure, with the last lines", async (_, answer, words) => {
    const error = failureOf(await build("haproxy", { answer }));
    expect(error.code).toBe("IMAGE_UNAVAILABLE");
    expect(error.why).toMatch(words);
    if (!words.source.includes("parse")) expect(error.detail).toContain("E: no such package");
  });

  it("without a base, and not as root, says what to do", async () => {
    const built = await build("haproxy", { base: false });
    expect(failureOf(built)).toMatchObject({
      code: "IMAGE_UNAVAILABLE",
      why: "Making a Debian system needs root.",
      next: expect.stringContaining("apt-get install debootstrap"),
    });
    expect(built.files).toEqual({});
  });
});

it.each([
  ["ollama", true],
  ["vllm2", false],
  ["toString", false],
])("%s is a recipe: %s", (name, expected) => {
  expect(isRecipe(name)).toBe(expected);
});
