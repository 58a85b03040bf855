import { join } from "node:path";
import type { Host } from "../host/host.ts";
import { type DaemonAddress, SSH_PORT } from "./address.ts";

/** The keys (base64) that the user's `known_hosts` has for the machine, by OpenSSH's own look-up, which knows hashed names too. */
export async function knownHostKeys(
  host: Host,
  { host: name, port }: Extract<DaemonAddress, { kind: "ssh" }>,
): Promise<readonly string[]> {
  const file = join(host.paths.home, ".ssh", "known_hosts");
  const place = port === SSH_PORT ? name : `[${name}]:${port}`;
  const { stdout } = await host.exec("ssh-keygen", ["-F", place, "-f", file], { timeoutMs: 5000 });
  return stdout.split("\n").flatMap((line) => {
    const [, , key] = line.split(" ");
    return line.startsWith("#") || line.startsWith("@") || key === undefined ? [] : [key];
  });
}
