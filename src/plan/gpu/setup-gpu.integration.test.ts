import { describe, expect, it } from "vitest";
import { canRehearse, rehearsal } from "../../testing/stub-setup/rig.ts";

const DEBIAN = "ID=debian\nVERSION_CODENAME=trixie\n";
const UBUNTU = "ID=ubuntu\nID_LIKE=debian\n";
const FEDORA = "ID=fedora\n";
const TITLES = [
  "The NVIDIA driver",
  "The NVIDIA Container Toolkit",
  "A CDI specification of the GPUs",
  "Docker's runtime nvidia",
];
const RECORD = "home/.local/state/stack/setup-gpu.json";

/** `scripts/setup-gpu.ts` itself, its own shell lines, on a machine whose tools are stand-ins. */
describe.skipIf(!(await canRehearse()))("setup:gpu (needs a mount namespace)", () => {
  it("says what it would do, and does nothing", async () => {
    await using machine = await rehearsal(DEBIAN);
    const before = await machine.files();
    const { exitCode, output } = await machine.setup();
    expect(exitCode).toBe(0);
    for (const title of TITLES) expect(output).toContain(`to do  ${title}\n       `);
    expect(output).toContain("sudo nvidia-ctk runtime configure --runtime=docker");
    expect(await machine.calls()).toEqual([]);
    expect(await machine.files()).toEqual(before);
  });

  it.each([
    ["Debian", DEBIAN, "apt-get install -y linux-headers-amd64 nvidia-driver nvidia-smi"],
    ["Ubuntu", UBUNTU, "ubuntu-drivers install"],
    ["Fedora", FEDORA, "dnf install -y akmod-nvidia xorg-x11-drv-nvidia-cuda"],
  ])("takes %s from nothing to a GPU in containers, and back", async (_name, release, install) => {
    await using machine = await rehearsal(release, '{"log-driver":"journald"}\n');
    const before = await machine.files();

    const first = await machine.setup("--apply");
    expect(first).toMatchObject({ exitCode: 0 });
    expect(first.output).toMatch(/Restart the machine.*pnpm setup:gpu --apply/);
    expect(await machine.calls()).toContain(install);
    expect((await machine.files())["etc/cdi/nvidia.yaml"]).toBeUndefined();

    await machine.restart();
    const second = await machine.setup("--apply");
    expect(second).toMatchObject({ exitCode: 0 });
    expect(second.output).toContain(`done   ${TITLES[0]}`);
    for (const title of TITLES.slice(1)) expect(second.output).toContain(`doing  ${title}`);
    // What it ends in: `stack doctor`, whose check of the GPU tries it in a container.
    expect(second.output).toMatch(/^(ok|warning|failed) +GPU: /m);
    const after = await machine.files();
    expect(after["etc/cdi/nvidia.yaml"]).toContain("nvidia.com/gpu");
    expect(JSON.parse(after["etc/docker/daemon.json"] ?? "")).toEqual({
      "log-driver": "journald",
      runtimes: { nvidia: { path: "nvidia-container-runtime" } },
    });
    await machine.calls();

    const third = await machine.setup("--apply");
    for (const title of TITLES) expect(third.output).toContain(`done   ${title}`);
    expect(await machine.calls()).toEqual([]);
    expect(await machine.files()).toEqual(after);

    expect(await machine.setup("--undo")).toMatchObject({ exitCode: 0 });
    const undone = (await machine.calls()).filter((call) => / remove |restart/.test(call));
    expect(undone[0]).toBe("systemctl restart docker");
    expect(undone[1]).toMatch(/remove -y nvidia-container-toolkit/);
    expect(undone[2]).toMatch(/remove -y .*nvidia/);
    expect(await machine.files()).toEqual(before);
  });

  it("leaves no configuration of Docker where there was none", async () => {
    await using machine = await rehearsal(DEBIAN);
    await machine.restart();
    await machine.setup("--apply");
    expect(await machine.setup("--apply")).toMatchObject({ exitCode: 0 });
    expect((await machine.files())["etc/docker/daemon.json"]).toContain("nvidia");
    await machine.setup("--undo");
    expect(Object.keys(await machine.files())).toEqual(["etc/os-release"]);
  });

  it("takes back only what it has done itself", async () => {
    await using machine = await rehearsal(DEBIAN);
    await machine.setup("--undo");
    expect(await machine.calls()).toEqual([]);
  });

  it("stops at a step that fails, and goes on there once that is mended", async () => {
    await using machine = await rehearsal(DEBIAN);
    await machine.restart();
    await machine.breakCdi(true);
    const failed = await machine.setup("--apply");
    expect(failed.exitCode).toBe(1);
    expect(failed.output).toContain("failed to generate CDI spec");
    expect(failed.output).not.toContain(`doing  ${TITLES[3]}`);
    expect((await machine.files())[RECORD]).toBe('["driver","toolkit","cdi"]');
    await machine.calls();
    await machine.breakCdi(false);
    const mended = await machine.setup("--apply");
    expect(mended).toMatchObject({ exitCode: 0 });
    expect((await machine.calls()).filter((call) => call.includes("install"))).toEqual([]);
  });

  it("knows what it is not written for", async () => {
    await using machine = await rehearsal("ID=arch\n");
    const { exitCode, output } = await machine.setup("--apply");
    expect(exitCode).toBe(1);
    expect(output).toContain("docs/gpu-workstation.md");
  });
});
