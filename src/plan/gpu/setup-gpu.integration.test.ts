import { describe, expect, it } from "vitest";
import { GATEWAY_IMAGE } from "../../offline/gateway-container.ts";
import { fakeDocker, type FakeDocker } from "../../testing/fake-docker.ts";
import { answerPreflight, SEES_GPU } from "../../testing/fake-preflight.ts";
import { canRehearse, rehearsal } from "../../testing/stub-setup/rig.ts";

const DEBIAN = "ID=debian\nVERSION_CODENAME=trixie\n";
const UBUNTU = "ID=ubuntu\nID_LIKE=debian\n";
const FEDORA = "ID=fedora\n";
const TITLES = [
  "Docker",
  "The NVIDIA driver",
  "The NVIDIA Container Toolkit",
  "A CDI specification of the GPUs",
  "Docker's runtime nvidia",
  "An image in which the GPU can be tried, the gateway's",
];
const RECORD = "home/.local/state/stack/setup-gpu.json";

async function withGpu(runtimes: readonly string[] = ["nvidia"]): Promise<FakeDocker> {
  const docker = await fakeDocker({ runtimes });
  docker.images.set(GATEWAY_IMAGE.built, "sha256:1");
  return docker;
}

/** `scripts/setup-gpu.ts` itself, its own shell lines, on a machine whose tools are stand-ins. */
describe.skipIf(!(await canRehearse()))("setup:gpu (needs a mount namespace)", () => {
  it("says what it would do, and does nothing", async () => {
    await using machine = await rehearsal({ osRelease: DEBIAN });
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
    await using docker = await withGpu();
    answerPreflight(docker, "doctor", SEES_GPU);
    await using machine = await rehearsal({
      osRelease: release,
      daemonJson: '{"log-driver":"journald"}\n',
      dockerHost: docker.host,
    });
    const before = await machine.files();

    const first = await machine.setup("--apply");
    expect(first).toMatchObject({ exitCode: 0 });
    expect(first.output).toMatch(/Restart the machine.*pnpm setup:gpu --apply/);
    expect(await machine.calls()).toContain(install);
    expect((await machine.files())["etc/cdi/nvidia.yaml"]).toBeUndefined();

    await machine.restart();
    const second = await machine.setup("--apply");
    expect(second).toMatchObject({ exitCode: 0 });
    for (const title of TITLES.slice(0, 2)) expect(second.output).toContain(`done   ${title}`);
    for (const title of TITLES.slice(2)) expect(second.output).toContain(`doing  ${title}`);
    // What it ends in: `stack doctor`, whose check of the GPU tries it in a container.
    expect(second.output).toMatch(/^ok +GPU: a container sees \/dev\/nvidia0/m);
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
    expect(undone[3]).toMatch(/remove -y (docker.io|moby-engine)/);
    expect(await machine.files()).toEqual(before);
  });

  it("leaves no configuration of Docker where there was none", async () => {
    await using machine = await rehearsal({ osRelease: DEBIAN });
    await machine.restart();
    await machine.setup("--apply");
    expect((await machine.files())["etc/docker/daemon.json"]).toContain("nvidia");
    await machine.setup("--undo");
    expect(Object.keys(await machine.files())).toEqual(["etc/os-release"]);
  });

  it.each([
    ["a configuration of Docker", '{"log-driver":"journald"}\n'],
    ["none", undefined],
  ])("knows the way back to %s after a step that was repeated", async (_title, daemonJson) => {
    await using machine = await rehearsal({
      osRelease: DEBIAN,
      ...(daemonJson === undefined ? {} : { daemonJson }),
    });
    await machine.restart();
    const before = await machine.files();
    await machine.breakDocker(true);
    for (const _ of [1, 2]) {
      const failed = await machine.setup("--apply");
      expect(failed.output).toContain("Job for docker.service failed");
    }
    await machine.breakDocker(false);
    await machine.setup("--apply");
    expect((await machine.files())["etc/docker/daemon.json"]).toContain("nvidia");
    expect(await machine.setup("--undo")).toMatchObject({ exitCode: 0 });
    expect(await machine.files()).toEqual(before);
  });

  it("takes back only what it has done itself", async () => {
    await using machine = await rehearsal({ osRelease: DEBIAN });
    await machine.setup("--undo");
    expect(await machine.calls()).toEqual([]);
  });

  it.each(["", '["engine"', '{"engine":true}', '["engine",1]'])(
    "forgets nothing of what it has done where that is damaged: %j",
    async (record) => {
      await using machine = await rehearsal({ osRelease: DEBIAN, record });
      await machine.restart();
      for (const flag of ["--apply", "--undo"]) {
        const { exitCode, output } = await machine.setup(flag);
        expect(exitCode).toBe(1);
        expect(output).toMatch(/^\S+setup-gpu\.json, .* can't be read.*nothing was changed/m);
        expect(output).toContain("engine, driver, toolkit, cdi");
      }
      expect(await machine.calls()).toEqual([]);
      expect((await machine.files())[RECORD]).toBe(record);
      expect(await machine.setup()).toMatchObject({ exitCode: 0 });
    },
  );

  it("stops at a step that fails, and goes on there once that is mended", async () => {
    await using machine = await rehearsal({ osRelease: DEBIAN });
    await machine.restart();
    await machine.breakCdi(true);
    const failed = await machine.setup("--apply");
    expect(failed.exitCode).toBe(1);
    expect(failed.output).toContain("failed to generate CDI spec");
    expect(failed.output).not.toContain(`doing  ${TITLES[4]}`);
    expect((await machine.files())[RECORD]).toBe('["engine","driver","toolkit","cdi"]');
    await machine.calls();
    await machine.breakCdi(false);
    const mended = await machine.setup("--apply");
    for (const title of TITLES.slice(3)) expect(mended.output).toContain(`doing  ${title}`);
    expect((await machine.calls()).filter((call) => call.includes("install"))).toEqual([]);
  });

  it.each([
    ["no container daemon is reached", undefined, "", 3, /^failed +GPU: .*no container daemon/m],
    ["the daemon does not know the GPU", [], "", 4, /^failed +GPU: .*\(daemon-not-conf/m],
    ["the container sees no GPU", ["nvidia"], "@end\n", 4, /^failed +GPU: .*\(daemon-not-conf/m],
    ["it does", ["nvidia"], SEES_GPU, 0, /^ok +GPU: a container sees/m],
  ])("ends as the doctor does where %s", async (_title, runtimes, printed, status, said) => {
    await using docker = await withGpu(runtimes ?? []);
    answerPreflight(docker, "doctor", printed);
    await using machine = await rehearsal({
      osRelease: DEBIAN,
      ...(runtimes === undefined ? {} : { dockerHost: docker.host }),
    });
    await machine.restart();
    const { exitCode, output } = await machine.setup("--apply");
    expect(output).toMatch(said);
    expect(exitCode).toBe(status);
  });

  it.each([
    ["no NVIDIA card", { gpu: "none" }, /no NVIDIA GPU in this machine/],
    ["a Jetson", { etc: { nv_tegra_release: "# R36" } }, /JetPack/],
  ] as const)("installs nothing on a machine that has or is %s", async (_title, what, said) => {
    await using machine = await rehearsal({ osRelease: DEBIAN, ...what });
    for (const flags of [[], ["--apply"]]) {
      const { exitCode, output } = await machine.setup(...flags);
      expect(output).toMatch(said);
      expect(exitCode).toBe(1);
    }
    expect(await machine.calls()).toEqual([]);
  });

  it("knows what it is not written for", async () => {
    await using machine = await rehearsal({ osRelease: "ID=arch\n" });
    const { exitCode, output } = await machine.setup("--apply");
    expect(exitCode).toBe(1);
    expect(output).toContain("docs/gpu-workstation.md");
  });
});
