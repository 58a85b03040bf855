import { expect, it } from "vitest";
import { resolveSettings } from "../plan/resolve-settings.ts";
import { sameStack } from "../plan/same-stack.ts";
import { parseAddress } from "./address.ts";
import { refusal, unreachableDaemon } from "./refusals.ts";

const failure = (code: string): Error => Object.assign(new Error(code), { code });
const at = (path: string, code: string) => refusal(parseAddress(`unix://${path}`), failure(code));

const NONE = at("/var/run/docker.sock", "ENOENT");
const CLOSED = at("/var/run/docker.sock", "EACCES");
const DEAD = at("/home/u/.docker/run/docker.sock", "ECONNREFUSED");
const DEAD_PODMAN = at("/run/user/1/podman/podman.sock", "ECONNREFUSED");
const CLOSED_PODMAN = at("/run/podman/podman.sock", "EACCES");

it.each([
  ["none is there", [NONE, NONE], "stack up embedded", /^Neither Docker nor Podman was found/],
  ["the chosen one is not there", [NONE], "stack up embedded", /docker\.sock: no such file\. /],
  ["it is another's", [CLOSED], "sudo usermod -aG docker $USER && newgrp docker", /permission/],
  ["it is stopped", [NONE, DEAD], "sudo systemctl start docker", /\.docker\S+ refused: nothing/],
  ["Podman is stopped", [DEAD_PODMAN], "systemctl --user start podman.socket", /refused/],
  ["Podman is root's", [NONE, CLOSED_PODMAN], "systemctl --user start podman.socket", /permission/],
])("where %s, one command comes next", (_title, refusals, next, why) => {
  const error = unreachableDaemon(refusals);
  expect(error.next).toBe(next);
  expect(error.why).toMatch(why);
});

it("where none is there, that is not the command that has just failed", () => {
  const origin = { kind: "flag", flag: "engine" } as const;
  const given = { key: "engine", value: "ollama", isText: false, origin, where: "engine" };
  const { next = "" } = unreachableDaemon([NONE, NONE]);
  expect(sameStack(next, resolveSettings([[given]]))).toBe("stack up embedded");
});
