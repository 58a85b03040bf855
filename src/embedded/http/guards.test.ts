import { describe, expect, it } from "vitest";
import { isLocalHost, keyChecker } from "./guards.ts";

describe("isLocalHost", () => {
  it.each([
    ["127.0.0.1", true],
    ["127.0.0.1:8080", true],
    ["LOCALHOST:1", true],
    ["[::1]", true],
    ["[::1]:99", true],
    ["evil.example", false],
    ["localhost.evil.example", false],
    ["127.0.0.1.evil.example:80", false],
    ["evil@127.0.0.1", false],
    ["", false],
    [undefined, false],
  ])("%s: %s", (header, expected) => {
    expect(isLocalHost(header)).toBe(expected);
  });
});

describe("keyChecker", () => {
  it.each([
    ["Bearer sk-1", true],
    ["bearer sk-1", true],
    ["Bearer sk-2", false],
    ["Bearer sk-11", false],
    ["Bearer ", false],
    ["sk-1", false],
    ["Basic sk-1", false],
    [undefined, false],
  ])("%s: %s", (header, expected) => {
    expect(keyChecker("sk-1")(header)).toBe(expected);
  });
});
