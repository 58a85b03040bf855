import { StackError } from "../errors.ts";

/** Where a daemon listens, from the text of `DOCKER_HOST` or of a context. */
export type DaemonAddress =
  | { readonly kind: "socket"; readonly text: string; readonly path: string }
  | {
      readonly kind: "tcp";
      readonly text: string;
      readonly host: string;
      readonly port: number;
      /** Absent for plain TCP. */
      readonly tls?: DaemonTls;
    }
  | {
      readonly kind: "ssh";
      readonly text: string;
      readonly host: string;
      readonly port: number;
      /** Undefined: whoever runs us. */
      readonly user: string | undefined;
    };

/** PEM texts, as Docker's clients read them from `ca.pem`, `cert.pem` and `key.pem`. */
export interface DaemonTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly verify: boolean;
}

/** Ports that Docker registered for its API: without and with TLS. */
const PLAIN_PORT = 2375;
const TLS_PORT = 2376;
export const SSH_PORT = 22;

/** Reads `unix://`, `npipe://`, `tcp://`, `http(s)://` and `ssh://`; throws `USAGE` for anything else. */
export function parseAddress(text: string, tls?: DaemonTls): DaemonAddress {
  const [, scheme, rest] = /^([a-z]+):\/\/(.+)$/.exec(text) ?? [];
  switch (scheme) {
    case "unix":
      return { kind: "socket", text, path: rest ?? "" };
    case "npipe":
      return { kind: "socket", text, path: (rest ?? "").replaceAll("/", "\\") };
    case "tcp":
    case "http":
    case "https":
      return tcpAddress(text, scheme, tls);
    case "ssh":
      return sshAddress(text);
    default:
      throw badAddress(text);
  }
}

/** Whether the daemon is on this machine, so that paths of ours mean the same to it. */
export function isLocal(address: DaemonAddress): boolean {
  if (address.kind === "tcp") return ["127.0.0.1", "localhost", "[::1]"].includes(address.host);
  return address.kind === "socket";
}

function tcpAddress(text: string, scheme: string, tls: DaemonTls | undefined): DaemonAddress {
  const url = parseUrl(text.replace(/^tcp:/, "http:"));
  const secure =
    tls ?? (scheme === "https" || url.port === `${TLS_PORT}` ? { verify: true } : undefined);
  const port = url.port === "" ? (secure ? TLS_PORT : PLAIN_PORT) : Number(url.port);
  const base = { kind: "tcp", text, host: url.hostname, port } as const;
  return secure === undefined ? base : { ...base, tls: secure };
}

function sshAddress(text: string): DaemonAddress {
  const url = parseUrl(text);
  // The host becomes an argument of `ssh-keygen`: it must not read as an option.
  if (url.hostname === "" || url.hostname.startsWith("-")) throw badAddress(text);
  const user = url.username === "" ? undefined : decodeUser(url.username, text);
  const port = url.port === "" ? SSH_PORT : Number(url.port);
  return { kind: "ssh", text, host: url.hostname, port, user };
}

function decodeUser(user: string, text: string): string {
  try {
    return decodeURIComponent(user);
  } catch (cause) {
    throw badAddress(text, cause);
  }
}

function parseUrl(text: string): URL {
  try {
    return new URL(text);
  } catch (cause) {
    throw badAddress(text, cause);
  }
}

function badAddress(text: string, cause?: unknown): StackError {
  return new StackError("USAGE", {
    what: `"${text}" is not the address of a container daemon.`,
    why: "It must begin with unix://, npipe://, tcp:// or ssh://.",
    next: "Set DOCKER_HOST to something like unix:///var/run/docker.sock.",
    cause,
  });
}
