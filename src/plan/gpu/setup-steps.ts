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

/** In order; each stands on those before it. The toolkit as in https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html */
export function setupSteps(distribution: Distribution): readonly SetupStep[] {
  return [DRIVER[distribution], distribution === "fedora" ? DNF_TOOLKIT : APT_TOOLKIT, CDI, DOCKER];
}

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
  check: "docker info --format '{{json .Runtimes}}' | grep -q '\"nvidia\"'",
  commands: [
    // Which of the two it was decides what `undo` does; with neither it leaves the file alone.
    `if [ -e ${CONFIG} ]; then sudo cp -a ${CONFIG} ${BEFORE}; else sudo mkdir -p /etc/docker && sudo touch ${ABSENT}; fi`,
    "sudo nvidia-ctk runtime configure --runtime=docker",
    "sudo systemctl restart docker",
  ],
  undo: [
    `if [ -e ${BEFORE} ]; then sudo mv ${BEFORE} ${CONFIG}; elif [ -e ${ABSENT} ]; then sudo rm -f ${CONFIG} ${ABSENT}; fi`,
    "sudo systemctl restart docker",
  ],
  reboot: false,
};
