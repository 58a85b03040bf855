import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Host } from "../../host/host.ts";
import { fakeRegistry, type FakeRegistry } from "../../testing/fake-registry.ts";
import { testHost, type TestHost } from "../../testing/test-host.ts";
import { tinyGguf } from "../../testing/tiny-gguf.ts";
import { parseReference } from "../reference.ts";
import { openStore } from "../store.ts";

const AUTH = Buffer.from("me:pass:word").toString("base64");
const NO_OPTIONS = { insecureRegistries: [], offline: false, ca: undefined };

let registry: FakeRegistry;
let test: TestHost;
/** What credential helpers were asked for. */
let asked: (readonly [program: string, input: string])[];
/** Gives the login that the registry wants, and every other registry none. */
const helper: Host["exec"] = async (file, _, options) => {
  const input = String(options?.input);
  asked.push([file, input]);
  return input === registry.address
    ? { exitCode: 0, stdout: '{"Username":"me","Secret":"pass:word"}', stderr: "" }
    : { exitCode: 1, stdout: "credentials not found in native keychain", stderr: "" };
};

beforeEach(async () => {
  asked = [];
  // An empty variable is none: Docker's client has it so.
  test = await testHost({ exec: helper, env: { DOCKER_CONFIG: "" } });
  registry = await fakeRegistry();
  registry.addModel("me/m", "v1", tinyGguf());
  registry.files.intercept((request, response) => {
    if (request.headers.authorization === `Basic ${AUTH}`) return false;
    response.writeHead(401, { "www-authenticate": 'Basic realm="private"' }).end();
    return true;
  });
});
afterEach(async () => {
  await registry[Symbol.asyncDispose]();
  await test[Symbol.asyncDispose]();
});

async function pull(config: string): Promise<string> {
  await mkdir(join(test.home, ".docker"));
  await writeFile(join(test.home, ".docker", "config.json"), config);
  const reference = parseReference(`ollama:${registry.address}/me/m:v1`);
  const { format } = await openStore(test.context).ensure(reference, NO_OPTIONS);
  return format;
}

it.each([
  ["Docker's config file", () => ({ auths: { [registry.address]: { auth: AUTH } } }), []],
  ["its address there", () => ({ auths: { [`https://${registry.address}`]: { auth: AUTH } } }), []],
  ["the helper of all registries", () => ({ credsStore: "test" }), ["docker-credential-test"]],
  [
    "the helper of this registry",
    () => ({ credsStore: "other", credHelpers: { [registry.address]: "test" } }),
    ["docker-credential-test"],
  ],
])("a login is taken from %s", async (_, config, programs) => {
  expect(await pull(JSON.stringify(config()))).toBe("gguf");
  expect([...new Set(asked.map(([program]) => program))]).toEqual(programs);
});

it("a configuration that is broken is told, and is no login", async () => {
  await expect(pull('{"auths":')).rejects.toMatchObject({
    code: "MODEL_UNAVAILABLE",
    next: `docker login ${registry.address}`,
  });
  expect(test.events.filter(({ type }) => type === "warning")).toMatchObject([
    { message: expect.stringContaining("config.json is not a configuration of Docker's client") },
  ]);
});
