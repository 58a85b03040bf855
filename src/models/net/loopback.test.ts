import { expect, it } from "vitest";
import { isLoopback } from "./loopback.ts";

it.each([
  ["localhost", true],
  ["LOCALHOST.", true],
  ["models.localhost", true],
  ["127.0.0.1", true],
  ["127.9.8.7", true],
  ["[::1]", true],
  ["[::ffff:7f00:1]", true],
  ["128.0.0.1", false],
  ["127.0.0.1.example.com", false],
  ["localhost.example.com", false],
  ["notlocalhost", false],
  ["[::2]", false],
])("%s: %s", (hostname, expected) => {
  expect(isLoopback(hostname)).toBe(expected);
});
