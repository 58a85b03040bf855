import { expect, test } from "vitest";
import { readDistribution, setupSteps } from "./setup-steps.ts";

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
  const steps = setupSteps(distribution);
  expect(steps.map(({ id }) => id)).toEqual(["driver", "toolkit", "cdi", "docker"]);
  expect(steps.map(({ reboot }) => reboot)).toEqual([true, false, false, false]);
  for (const { check, commands, undo } of steps) {
    expect(check).not.toMatch(/sudo/);
    expect([commands.length > 0, undo.length > 0]).toEqual([true, true]);
  }
});

test.each([
  [
    "debian",
    "driver",
    'sudo apt-get install -y "linux-headers-$(dpkg --print-architecture)" nvidia-driver nvidia-smi',
  ],
  ["ubuntu", "driver", "sudo ubuntu-drivers install"],
  ["fedora", "driver", "sudo dnf install -y akmod-nvidia xorg-x11-drv-nvidia-cuda"],
  ["debian", "toolkit", "sudo apt-get install -y nvidia-container-toolkit"],
  ["ubuntu", "toolkit", "sudo apt-get install -y nvidia-container-toolkit"],
  ["fedora", "toolkit", "sudo dnf install -y nvidia-container-toolkit"],
  ["fedora", "cdi", "sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml"],
  ["debian", "docker", "sudo nvidia-ctk runtime configure --runtime=docker"],
] as const)("%s, %s: %s", (distribution, id, command) => {
  expect(setupSteps(distribution).find((each) => each.id === id)?.commands).toContain(command);
});
