import { describe, expect, it } from "vitest";
import { StackError } from "../errors.ts";
import { isLocal, parseAddress } from "./address.ts";

describe("addresses", () => {
  it.each([
    ["unix:///run/docker.sock", { kind: "socket", path: "/run/docker.sock" }, true],
    [
      "npipe:////./pipe/docker_engine",
      { kind: "socket", path: "\\\\.\\pipe\\docker_engine" },
      true,
    ],
    ["tcp://127.0.0.1:2375", { kind: "tcp", host: "127.0.0.1", port: 2375 }, true],
    ["tcp://build.example", { kind: "tcp", host: "build.example", port: 2375 }, false],
    ["tcp://build.example:2376", { kind: "tcp", port: 2376, tls: { verify: true } }, false],
    ["https://build.example", { kind: "tcp", port: 2376, tls: { verify: true } }, false],
    ["http://build.example:80", { kind: "tcp", host: "build.example" }, false],
    ["ssh://me@build.example", { kind: "ssh", host: "build.example", user: "me", port: 22 }, false],
    ["ssh://build.example:2222", { kind: "ssh", port: 2222, user: undefined }, false],
  ])("%s", (text, expected, local) => {
    const address = parseAddress(text);
    expect(address).toMatchObject({ text, ...expected });
    expect(isLocal(address)).toBe(local);
  });

  it.each([
    "",
    "docker.sock",
    "unix://",
    "ftp://x",
    "tcp://",
    "ssh://-oProxyCommand=x",
    "ssh://a%zz@x",
    "tcp://:x",
  ])("%j is refused", (text) => {
    expect(() => parseAddress(text)).toThrow(StackError);
  });
});
