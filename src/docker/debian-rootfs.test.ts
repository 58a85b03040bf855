import { expect, it } from "vitest";
import { mirrorOf } from "./debian-rootfs.ts";

const oneLine = `
deb [trusted=yes] https://mirror.example/security trixie-security main
deb [signed-by=/k] https://mirror.example/debian trixie main
`;
const stanzas = `
Types: deb
URIs: https://mirror.example/updates
Suites: trixie-updates

Types: deb
URIs: https://mirror.example/debian
Suites: trixie trixie-backports
`;

it.each([
  ["no sources", [], undefined],
  ["one-line format", [oneLine], "https://mirror.example/debian"],
  ["stanzas", [stanzas], "https://mirror.example/debian"],
  ["another release", [oneLine.replaceAll("trixie", "sid")], undefined],
])("%s", (_, sources, expected) => {
  expect(mirrorOf(sources, "trixie")).toBe(expected);
});
