import { expect, test } from "vitest";
import { type HostGpu, NO_HOST_GPU } from "./host-gpu.ts";
import { readDistribution, setupObstacle, setupSteps } from "./setup-steps.ts";

test.each([
  ["ID=debian\nVERSION_CODENAME=trixie", "debian"],
  ["ID=ubuntu\nID_LIKE=debian", "ubuntu"],
  ['ID=linuxmint\nID_LIKE="ubuntu debian"', "ubuntu"],
  ["ID=fedora", "fedora"],
  ["ID=arch", undefined],
  ["", undefined],
])("%j is %s", (text, distribution) => {
  expect(readDistribution(text)).toBe(distribution);
});

test.each(["debian", "ubuntu", "fedora"] as const)("the steps for %s, in order", (distribution) => {
  const steps = setupSteps(distribution, "native");
  const ids = ["engine", "driver", "toolkit", "cdi", "docker", "image"];
  expect(steps.map(({ id }) => id)).toEqual(ids);
  expect(steps.filter(({ reboot }) => reboot).map(({ id }) => id)).toEqual(["driver"]);
  expect(setupSteps(distribution, "wsl").map(({ id }) => id)).toEqual(
    ids.filter((id) => id !== "driver"),
  );
  for (const { check, commands, undo } of steps) {
    // Only what plain `docker` may not ask.
    expect(check.replace('docker="sudo docker"', "")).not.toMatch(/sudo/);
    expect([commands.length > 0, undo.length > 0]).toEqual([true, true]);
  }
});

test.each([
  [
    "debian",
    "driver",
    'sudo apt-get install -y "linux-headers-$(dpkg --print-architecture)" nvidia-driver nvidia-smi',
  ],
  ["debian", "engine", "sudo apt-get install -y docker.io"],
  ["fedora", "engine", "sudo dnf install -y moby-engine"],
  ["ubuntu", "driver", "sudo ubuntu-drivers install"],
  ["fedora", "driver", "sudo dnf install -y akmod-nvidia xorg-x11-drv-nvidia-cuda"],
  ["debian", "toolkit", "sudo apt-get install -y nvidia-container-toolkit"],
  ["ubuntu", "toolkit", "sudo apt-get install -y nvidia-container-toolkit"],
  ["fedora", "toolkit", "sudo dnf install -y nvidia-container-toolkit"],
  ["fedora", "cdi", "sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml"],
  ["debian", "docker", "sudo nvidia-ctk runtime configure --runtime=docker"],
] as const)("%s, %s: %s", (distribution, id, command) => {
  expect(setupSteps(distribution, "native").find((each) => each.id === id)?.commands).toContain(
    command,
  );
});

const card = {
  index: 0,
  uuid: "GPU-0",
  name: "NVIDIA A10",
  driverVersion: "580.95.05",
  totalBytes: undefined,
  freeBytes: undefined,
};
test.each<[string, HostGpu["kind"], Partial<HostGpu["nvidia"]>, RegExp | undefined]>([
  ["no card", "native", {}, /no NVIDIA GPU in this machine/],
  ["a card without a driver", "native", { hardware: true }, undefined],
  ["a Jetson", "jetson", { hardware: true }, /JetPack/],
  ["WSL without Windows's driver", "wsl", { hardware: true }, /driver in Windows/],
  ["WSL with it", "wsl", { hardware: true, devices: [card] }, undefined],
])("what stands in the way: %s", (_title, kind, nvidia, expected) => {
  const said = setupObstacle({ kind, nvidia: { ...NO_HOST_GPU.nvidia, ...nvidia } });
  if (expected === undefined) expect(said).toBeUndefined();
  else expect(said).toMatch(expected);
});
