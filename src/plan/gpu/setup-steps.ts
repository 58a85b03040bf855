import { GATEWAY_IMAGE } from "../../offline/gateway-container.ts";
import { JETPACK } from "./causes.ts";
import type { HostGpu } from "./host-gpu.ts";

/** One thing that a bare workstation lacks, as shell lines: how to see that it is done, do it, and take it back. */
export interface SetupStep {
  readonly id: string;
  readonly title: string;
  /** Succeeds when there is nothing to do. */
  readonly check: string;
  readonly commands: readonly string[];
  readonly undo: readonly string[];
  /** Works only after the machine was restarted. */
  readonly reboot: boolean;
}

export type Distribution = "debian" | "ubuntu" | "fedora";

/** From `/etc/os-release`; undefined for one that the steps are not written for. Derivatives name their parent. */
export function readDistribution(osRelease: string): Distribution | undefined {
  const field = (name: string): string =>
    new RegExp(`^${name}="?([^"\\n]*)"?$`, "m").exec(osRelease)?.[1] ?? "";
  const ids = [field("ID"), ...field("ID_LIKE").split(" ")];
  return (["ubuntu", "debian", "fedora"] as const).find((each) => ids.includes(each));
}

const KEYRING = "/usr/share/keyrings/nvidia-container-toolkit-keyring.gpg";
const APT_LIST = "/etc/apt/sources.list.d/nvidia-container-toolkit.list";
const YUM_REPO = "/etc/yum.repos.d/nvidia-container-toolkit.repo";
const SITE = "https://nvidia.github.io/libnvidia-container";
const DEBIAN_LIST = "/etc/apt/sources.list.d/stack-nvidia.list";
const FUSION = "https://mirrors.rpmfusion.org";
const CONFIG = "/etc/docker/daemon.json";
const BEFORE = `${CONFIG}.before-stack`;
const ABSENT = `${CONFIG}.absent-before-stack`;

/** Why there is nothing to set up here, or not by these steps; undefined where they may begin. */
export function setupObstacle({
  kind,
  nvidia,
}: Pick<HostGpu, "kind" | "nvidia">): string | undefined {
  if (kind === "jetson") {
    return `This is a Jetson, whose driver and container toolkit come with JetPack: ${JETPACK}`;
  }
  if (!nvidia.hardware) {
    return "There is no NVIDIA GPU in this machine, so there is nothing to set up. AMD's need no more than the kernel's driver: stack doctor --gpu all";
  }
  if (kind === "wsl" && nvidia.devices.length === 0) {
    return "In WSL the driver is that of Windows, and it shows no NVIDIA GPU: install NVIDIA's driver in Windows, then: wsl --update";
  }
  return undefined;
}

/** In order; each stands on those before it. The toolkit as in https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html */
export function setupSteps(
  distribution: Distribution,
  kind: HostGpu["kind"],
): readonly SetupStep[] {
  const fedora = distribution === "fedora";
  return [
    fedora ? DNF_ENGINE : APT_ENGINE,
    // A driver of Linux's would take the place of the one that WSL brings from Windows.
    ...(kind === "wsl" ? [] : [DRIVER[distribution]]),
    fedora ? DNF_TOOLKIT : APT_TOOLKIT,
    CDI,
    DOCKER,
    IMAGE,
  ];
}

const engine = {
  id: "engine",
  title: "Docker",
  check: "docker --version",
  reboot: false,
} as const;

const APT_ENGINE: SetupStep = {
  ...engine,
  commands: ["sudo apt-get update", "sudo apt-get install -y docker.io"],
  undo: ["sudo apt-get remove -y docker.io"],
};

const DNF_ENGINE: SetupStep = {
  ...engine,
  commands: ["sudo dnf install -y moby-engine", "sudo systemctl enable --now docker"],
  undo: ["sudo dnf remove -y moby-engine"],
};

/** For shell lines with `$docker`: who is not in the group `docker` must be root to ask the daemon. */
const AS_MAY = 'docker=docker; docker info >/dev/null 2>&1 || docker="sudo docker"; ';

const driver = {
  id: "driver",
  title: "The NVIDIA driver",
  check: "nvidia-smi -L",
  reboot: true,
} as const;

const DRIVER: Readonly<Record<Distribution, SetupStep>> = {
  debian: {
    ...driver,
    commands: [
      `. /etc/os-release && echo "deb http://deb.debian.org/debian $VERSION_CODENAME contrib non-free non-free-firmware" | sudo tee ${DEBIAN_LIST}`,
      "sudo apt-get update",
      'sudo apt-get install -y "linux-headers-$(dpkg --print-architecture)" nvidia-driver nvidia-smi',
    ],
    undo: ["sudo apt-get remove -y nvidia-driver nvidia-smi", `sudo rm -f ${DEBIAN_LIST}`],
  },
  ubuntu: {
    ...driver,
    commands: [
      "sudo apt-get update",
      "sudo apt-get install -y ubuntu-drivers-common",
      "sudo ubuntu-drivers install",
    ],
    undo: ["sudo apt-get remove -y '^nvidia-driver-.*'"],
  },
  fedora: {
    ...driver,
    commands: [
      `sudo dnf install -y "${FUSION}/free/fedora/rpmfusion-free-release-$(rpm -E %fedora).noarch.rpm" "${FUSION}/nonfree/fedora/rpmfusion-nonfree-release-$(rpm -E %fedora).noarch.rpm"`,
      "sudo dnf install -y akmod-nvidia xorg-x11-drv-nvidia-cuda",
      // The module must be built before the restart.
      "sudo akmods --force",
    ],
    undo: ["sudo dnf remove -y akmod-nvidia xorg-x11-drv-nvidia-cuda"],
  },
};

const toolkit = {
  id: "toolkit",
  title: "The NVIDIA Container Toolkit",
  check: "nvidia-ctk --version",
  reboot: false,
} as const;

const APT_TOOLKIT: SetupStep = {
  ...toolkit,
  commands: [
    "sudo apt-get update",
    "sudo apt-get install -y --no-install-recommends ca-certificates curl gnupg2",
    `curl -fsSL ${SITE}/gpgkey | sudo gpg --batch --yes --dearmor -o ${KEYRING}`,
    `curl -fsSL ${SITE}/stable/deb/nvidia-container-toolkit.list | sed 's#deb https://#deb [signed-by=${KEYRING}] https://#g' | sudo tee ${APT_LIST}`,
    "sudo apt-get update",
    "sudo apt-get install -y nvidia-container-toolkit",
  ],
  undo: ["sudo apt-get remove -y nvidia-container-toolkit", `sudo rm -f ${APT_LIST} ${KEYRING}`],
};

const DNF_TOOLKIT: SetupStep = {
  ...toolkit,
  commands: [
    "sudo dnf install -y curl",
    `curl -fsSL ${SITE}/stable/rpm/nvidia-container-toolkit.repo | sudo tee ${YUM_REPO}`,
    "sudo dnf install -y nvidia-container-toolkit",
  ],
  undo: ["sudo dnf remove -y nvidia-container-toolkit", `sudo rm -f ${YUM_REPO}`],
};

const CDI: SetupStep = {
  id: "cdi",
  title: "A CDI specification of the GPUs",
  check: "nvidia-ctk cdi list | grep -q 'nvidia.com/gpu='",
  commands: [
    "sudo mkdir -p /etc/cdi",
    "sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml",
  ],
  undo: ["sudo rm -f /etc/cdi/nvidia.yaml"],
  reboot: false,
};

const DOCKER: SetupStep = {
  id: "docker",
  title: "Docker's runtime nvidia",
  check: `${AS_MAY}$docker info --format '{{json .Runtimes}}' | grep -q '"nvidia"'`,
  commands: [
    // Which of the two it was decides what `undo` does; with neither it leaves the file alone. Only the first time: a step that
    // failed half-way and is repeated finds what it has changed itself.
    `if [ -e ${BEFORE} ] || [ -e ${ABSENT} ]; then :; elif [ -e ${CONFIG} ]; then sudo cp -a ${CONFIG} ${BEFORE}; else sudo mkdir -p /etc/docker && sudo touch ${ABSENT}; fi`,
    "sudo nvidia-ctk runtime configure --runtime=docker",
    "sudo systemctl restart docker",
  ],
  undo: [
    `if [ -e ${BEFORE} ]; then sudo mv ${BEFORE} ${CONFIG}; elif [ -e ${ABSENT} ]; then sudo rm -f ${CONFIG} ${ABSENT}; fi`,
    "sudo systemctl restart docker",
  ],
  reboot: false,
};

const { repository, tag, built } = GATEWAY_IMAGE;

/** Every stack needs it, it is small, and it has a shell. */
const IMAGE: SetupStep = {
  id: "image",
  title: "An image in which the GPU can be tried, the gateway's",
  check: `${AS_MAY}$docker image inspect ${repository}:${tag} || $docker image inspect ${built}`,
  commands: [`sudo docker pull ${repository}:${tag}`],
  // One that a stack uses stays.
  undo: [`sudo docker rmi ${repository}:${tag} || true`],
  reboot: false,
};
