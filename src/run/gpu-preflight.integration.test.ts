import { afterEach, beforeEach, expect, it } from "vitest";
import { connect } from "../docker/connect.ts";
import { LABEL } from "../plan/labels.ts";
import { fakeDocker, type FakeDocker } from "../testing/fake-docker.ts";
import { runningContainer } from "../testing/fake-docker-state.ts";
import { testHost, type TestHost } from "../testing/test-host.ts";
import { down } from "./down.ts";
import { gpuPreflight } from "./gpu-preflight.ts";

let docker: FakeDocker;
let test: TestHost;
/** When the fake daemon says that its containers were started. */
const STARTED = Date.parse("2026-11-25T10:00:00Z");

beforeEach(async () => {
  docker = await fakeDocker();
  docker.images.set("img", "sha256:1");
  test = await testHost({ env: { DOCKER_HOST: docker.host } });
});
afterEach(async () => {
  await test[Symbol.asyncDispose]();
  await docker[Symbol.asyncDispose]();
});

/** What `kill -9` leaves while nvidia-smi hangs. */
function leave(stack: string): void {
  const name = `left-${stack}`;
  docker.containers.set(name, runningContainer(name, { [LABEL.preflight]: stack }));
}

it("a look at the GPU that still runs goes with its stack, and no other", async () => {
  leave("default");
  leave("other");
  const { removed } = await down(test.context, { name: "default", purge: false });
  expect(removed).toEqual(["container left-default"]);
  expect([...docker.containers.keys()]).toEqual(["left-other"]);
});

it.each([
  [129_000, true],
  [131_000, false],
])("%i ms after it was started, it is left alone by another look: %j", async (ms, expected) => {
  leave("doctor");
  const clock = { ...test.host.clock, now: () => STARTED + ms };
  const runtime = await connect(test.host, { signal: test.context.signal });
  // The fake's containers run for ever; that of the second look ends at once.
  docker.fault("POST /containers/container-stack-doctor-gpu", (request, response) => {
    if (request.path.endsWith("/wait")) response.end('{"StatusCode":0}');
    else response.writeHead(204).end();
  });
  await gpuPreflight({ ...test.context, host: { ...test.host, clock } }, runtime, {
    stack: "doctor",
    image: "img",
    devices: [],
    accelerator: "cuda",
  });
  expect(docker.containers.has("left-doctor")).toBe(expected);
});
