import { expect, it } from "vitest";
import { configuredIndex, pipIndexUrl } from "./pip-config.ts";
import { filesOfHtml } from "./pypi-project.ts";
import { pinnedRequirements } from "./pypi.ts";
import { parseChallenge } from "./registry-token.ts";

it.each([
  ["[global]\nindex-url = https://a/simple", "https://a/simple"],
  ["[global]\nindex_url: https://a/simple\n", "https://a/simple"],
  ["[global]\nindex-url=https://a\n[install]\nindex-url=https://b", "https://b"],
  ["# [global]\n; index-url = x\n[global]\ncert = y", undefined],
  ["[list]\nindex-url = https://a", undefined],
  ["", undefined],
])("index of pip.conf %j", (text, expected) => {
  expect(pipIndexUrl(text)).toBe(expected);
});

it.each([
  ["https://u:p%21@a/simple", "u:p!"],
  ["https://u:100%@a/simple", "u:100%"],
  ["https://u:%zz%41%C3%A9@a/simple", "u:%zzA\u00E9"],
])("credentials in %s", async (url, expected) => {
  const paths = { home: "/h", config: "", data: "", state: "", cache: "" };
  const host = { env: { PIP_INDEX_URL: url }, paths, platform: "linux" as const };
  const { authorization } = await configuredIndex(host);
  expect(authorization).toBe(`Basic ${Buffer.from(expected).toString("base64")}`);
});

it("reads the links of an HTML index", () => {
  const sha = "a".repeat(64);
  const html = `<!doctype html>
    <a href="x-1-py3-none-any.whl#sha256=${sha}">x-1-py3-none-any.whl</a><br>
    <A class="y" HREF='https://files.example/x-2.tar.gz?a=1&amp;b=2#md5=0' data-yanked="">x-2.tar.gz</A>`;
  expect(filesOfHtml(html)).toEqual([
    {
      filename: "x-1-py3-none-any.whl",
      url: "x-1-py3-none-any.whl",
      sha256: sha,
      size: undefined,
      yanked: false,
    },
    {
      filename: "x-2.tar.gz",
      url: "https://files.example/x-2.tar.gz?a=1&b=2",
      sha256: undefined,
      size: undefined,
      yanked: true,
    },
  ]);
});

it("takes exact requirements from a wheel's METADATA, and no others", () => {
  const metadata = [
    "Name: m",
    "Requires-Dist: m-part1==1.0.0",
    "Requires-Dist: M_Part2 (==1.0.0)",
    "Requires-Dist: numpy>=2",
    'Requires-Dist: m-part3==1.0.0 ; extra == "all"',
  ].join("\n");
  expect(pinnedRequirements(metadata)).toEqual([
    ["m-part1", "1.0.0"],
    ["m-part2", "1.0.0"],
    ["m-part3", "1.0.0"],
  ]);
});

it.each([
  [
    'Bearer realm="https://a/t",service="s",scope="repository:x:pull"',
    { realm: "https://a/t", service: "s", scope: "repository:x:pull" },
  ],
  ['bearer Realm="https://a/t"', { realm: "https://a/t", service: undefined, scope: undefined }],
  ["Basic", { realm: undefined, service: undefined, scope: undefined }],
])("challenge %s", (challenge, expected) => {
  expect(parseChallenge(challenge)).toEqual(expected);
});
