import type { DaemonAddress } from "./address.ts";

/** The commands about what runs a daemon. */
export interface DaemonService {
  readonly start: string;
  /** For one that hangs. */
  readonly restart: string;
  /** For one that is not open to this user; undefined where nothing is known to help. */
  readonly open?: string;
}

interface KnownService extends DaemonService {
  readonly platform: NodeJS.Platform;
  readonly path: RegExp;
}

/** `docker desktop` is there since Docker Desktop 4.37 (https://docs.docker.com/desktop/features/desktop-cli/). */
const DESKTOP_RESTART = "docker desktop restart";
const PODMAN_MACHINE = {
  path: /podman/,
  start: "podman machine start",
  restart: "podman machine stop && podman machine start",
};

/**
 * The first that matches. A socket in any other place is of a daemon that was set up by hand, or by a program that is not known
 * here: a command for the machine's own Docker would stop the containers of others, and mend nothing.
 */
const SERVICES: readonly KnownService[] = [
  {
    platform: "linux",
    path: /^\/(?:var\/)?run\/docker\.sock$/,
    start: "sudo systemctl start docker",
    restart: "sudo systemctl restart docker",
    open: "sudo usermod -aG docker $USER && newgrp docker",
  },
  // https://docs.docker.com/engine/security/rootless/
  {
    platform: "linux",
    path: /^\/run\/user\/\d+\/docker\.sock$/,
    start: "systemctl --user start docker",
    restart: "systemctl --user restart docker",
  },
  // https://docs.docker.com/desktop/setup/install/linux/
  {
    platform: "linux",
    path: /\/\.docker\/(?:run|desktop)\/docker\.sock$/,
    start: "systemctl --user start docker-desktop",
    restart: "systemctl --user restart docker-desktop",
  },
  // Containers go on without Podman's service, which its socket starts (contrib/systemd/system/podman.service.in).
  {
    platform: "linux",
    path: /^\/run\/podman\/podman\.sock$/,
    start: "sudo systemctl start podman.socket",
    restart: "sudo systemctl restart podman.service",
    // It is root's; each user can have one of their own.
    open: "systemctl --user start podman.socket",
  },
  {
    platform: "linux",
    path: /\/podman\/podman\.sock$/,
    start: "systemctl --user start podman.socket",
    restart: "systemctl --user restart podman.service",
  },
  { platform: "darwin", ...PODMAN_MACHINE },
  {
    platform: "darwin",
    path: /^\/(?:var\/)?run\/docker\.sock$|\/\.docker\/run\/docker\.sock$/,
    start: "open -a Docker",
    restart: DESKTOP_RESTART,
  },
  { platform: "win32", ...PODMAN_MACHINE },
  {
    platform: "win32",
    path: /docker_?(?:engine|desktop)/i,
    start: "docker desktop start",
    restart: DESKTOP_RESTART,
  },
];

/** What runs the daemon at this address on this machine; undefined where that is not known, or it is no socket. */
export function serviceOf(
  address: DaemonAddress,
  platform: NodeJS.Platform,
): DaemonService | undefined {
  if (address.kind !== "socket") return undefined;
  return SERVICES.find((each) => each.platform === platform && each.path.test(address.path));
}
