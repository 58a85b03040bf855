import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { testHost } from "../testing/test-host.ts";
import { parseAddress } from "./address.ts";
import { knownHostKeys } from "./ssh-host-keys.ts";

const rig = await testHost();
const hasSsh = (await rig.host.exec("ssh-keygen", ["-F", "none"])).exitCode !== 127;
await rig[Symbol.asyncDispose]();

const KNOWN = `# a comment
build.example ssh-ed25519 AAAAone
build.example ecdsa-sha2-nistp256 AAAAtwo
[build.example]:2222 ssh-ed25519 AAAAport
@revoked gone.example ssh-ed25519 AAAArevoked
`;

describe.skipIf(!hasSsh)("keys of known hosts, by OpenSSH", () => {
  it.each([
    ["ssh://build.example", ["AAAAone", "AAAAtwo"]],
    ["ssh://me@build.example:2222", ["AAAAport"]],
    ["ssh://other.example", []],
    ["ssh://gone.example", []],
  ])("%s", async (text, expected) => {
    await using home = await testHost();
    await mkdir(join(home.home, ".ssh"));
    await writeFile(join(home.home, ".ssh", "known_hosts"), KNOWN);
    const address = parseAddress(text);
    if (address.kind !== "ssh") throw new Error("not ssh");
    expect(await knownHostKeys(home.host, address)).toEqual(expected);
  });

  it("no file, no keys", async () => {
    await using home = await testHost();
    const address = parseAddress("ssh://build.example");
    if (address.kind !== "ssh") throw new Error("not ssh");
    expect(await knownHostKeys(home.host, address)).toEqual([]);
  });
});
