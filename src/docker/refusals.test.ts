import { describe, expect, it } from "vitest";
import { resolveSettings } from "../plan/resolve-settings.ts";
import { sameStack } from "../plan/same-stack.ts";
import { parseAddress } from "./address.ts";
import { type Refusal, refusal, unreachableDaemon } from "./refusals.ts";

const FAILURES = {
  none: Object.assign(new Error("none"), { code: "ENOENT" }),
  closed: Object.assign(new Error("closed"), { code: "EACCES" }),
  stopped: Object.assign(new Error("stopped"), { code: "ECONNREFUSED" }),
  unknown: Object.assign(new Error("unknown"), { code: "ENOTFOUND" }),
  hung: new DOMException("", "TimeoutError"),
};
const at = (
  address: string,
  failure: keyof typeof FAILURES,
  platform: NodeJS.Platform = "linux",
): Refusal => refusal(parseAddress(address), FAILURES[failure], platform);

const DOCKER = "unix:///var/run/docker.sock";
const ROOTLESS = "unix:///run/user/1000/docker.sock";
const DESKTOP = "unix:///home/u/.docker/desktop/docker.sock";
const PODMAN = "unix:///run/user/1000/podman/podman.sock";
const PODMAN_OF_ROOT = "unix:///run/podman/podman.sock";
const PIPE = "npipe:////./pipe/docker_engine";
const NONE = at(DOCKER, "none");

it.each([
  ["none is there", [NONE, NONE], /^Neither Docker nor Podman was found/],
  ["the chosen one is not there", [NONE], /docker\.sock: no such file\. Engines in containers/],
])("where %s, the embedded engine comes next", (_title, refusals, why) => {
  const error = unreachableDaemon(refusals);
  expect(error.next).toBe("stack up embedded");
  expect(error.why).toMatch(why);
});

it("what is there is told, and not what is missing", () => {
  const error = unreachableDaemon([NONE, at(DESKTOP, "stopped")]);
  expect(error.why).toMatch(/^\S+\.docker\S+ refused: nothing listens there\.$/);
  expect(error.next).toBe("systemctl --user start docker-desktop");
  expect(unreachableDaemon([NONE, at(ROOTLESS, "closed")]).why).toMatch(/1000\S+ permission/);
});

it.each<[string, keyof typeof FAILURES, string]>([
  [DOCKER, "stopped", "sudo systemctl start docker"],
  [DOCKER, "hung", "sudo systemctl restart docker"],
  [DOCKER, "closed", "sudo usermod -aG docker $USER && newgrp docker"],
  [ROOTLESS, "stopped", "systemctl --user start docker"],
  [ROOTLESS, "hung", "systemctl --user restart docker"],
  [DESKTOP, "hung", "systemctl --user restart docker-desktop"],
  ["unix:///home/u/.docker/run/docker.sock", "hung", "systemctl --user restart docker-desktop"],
  [PODMAN, "stopped", "systemctl --user start podman.socket"],
  [PODMAN, "hung", "systemctl --user restart podman.service"],
  [PODMAN_OF_ROOT, "closed", "systemctl --user start podman.socket"],
  [PODMAN_OF_ROOT, "stopped", "sudo systemctl start podman.socket"],
  [PODMAN_OF_ROOT, "hung", "sudo systemctl restart podman.service"],
])("%s, %s: %s", (address, failure, next) => {
  expect(unreachableDaemon([at(address, failure)]).next).toBe(next);
});

it.each<[NodeJS.Platform, string, keyof typeof FAILURES, string]>([
  ["darwin", DOCKER, "stopped", "open -a Docker"],
  ["darwin", "unix:///Users/u/.docker/run/docker.sock", "hung", "docker desktop restart"],
  ["darwin", "unix:///var/folders/x/podman/api.sock", "stopped", "podman machine start"],
  ["win32", PIPE, "stopped", "docker desktop start"],
  ["win32", PIPE, "hung", "docker desktop restart"],
])("on %s, %s, %s: %s", (platform, address, failure, next) => {
  expect(unreachableDaemon([at(address, failure, platform)]).next).toBe(next);
});

describe("of a daemon that nothing here runs, no service of this machine is touched", () => {
  it.each<[string, keyof typeof FAILURES, RegExp]>([
    ["tcp://gpu-box:2375", "hung", /in time.* daemon is on gpu-box, and no service of this/],
    ["ssh://me@gpu-box", "stopped", /refused.* daemon is on gpu-box, /],
    ["https://gpu-box:2376", "closed", /daemon is on gpu-box, /],
    ["tcp://docker.podman.example:2375", "hung", /daemon is on docker\.podman\.example, /],
    ["tcp://gpu-box:2375", "unknown", /name of the machine is unknown\. Engines in containers/],
    ["tcp://localhost:2375", "hung", /No command is known here/],
    ["unix:///home/u/.colima/default/docker.sock", "hung", /No command is known here/],
    ["unix:///srv/docker.sock", "stopped", /No command is known here/],
    // Of another user.
    [ROOTLESS, "closed", /No command is known here/],
  ])("%s, %s", (address, failure, why) => {
    const error = unreachableDaemon([at(address, failure)]);
    expect(error.next).toBe("stack up embedded");
    expect(error.why).toMatch(why);
  });
});

it("where none is there, what comes next is not the command that has just failed", () => {
  const origin = { kind: "flag", flag: "engine" } as const;
  const given = { key: "engine", value: "ollama", isText: false, origin, where: "engine" };
  const { next = "" } = unreachableDaemon([NONE, NONE]);
  expect(sameStack(next, resolveSettings([[given]]))).toBe("stack up embedded");
});
