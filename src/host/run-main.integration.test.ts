import { spawn } from "node:child_process";
import { once } from "node:events";
import { execPath } from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";

/** A program with `body` as its main; the abort is told on stdout. */
function program(body: string) {
  const runMain = new URL("run-main.ts", import.meta.url).href;
  const code = `
    const { runMain } = await import(${JSON.stringify(runMain)});
    await runMain(async ({ signal }) => {
      signal.addEventListener("abort", () => console.log("aborted", signal.reason.code ?? signal.reason.message));
      console.log("ready");
      ${body}
    });`;
  return spawn(execPath, ["--input-type=module-typescript", "-e", code], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

test("the second Ctrl-C exits at once, but not one that is the first passed on twice", async () => {
  const child = program("await new Promise((resolve) => setTimeout(resolve, 60_000)); return 0;");
  const closed = once(child, "close");
  const lines: string[] = [];
  child.stdout.setEncoding("utf8").on("data", (text: string) => lines.push(text.trim()));
  await once(child.stdout, "data");
  child.kill("SIGINT");
  child.kill("SIGINT");
  await once(child.stdout, "data");
  expect(child.exitCode).toBeNull();
  await delay(300);
  expect(child.exitCode).toBeNull();
  child.kill("SIGINT");
  expect((await closed)[0]).toBe(130);
  expect(lines).toEqual(["ready", "aborted INTERRUPTED"]);
});

test("a defect in a callback aborts the work, which still ends in its own way", async () => {
  const child = program(`
    setTimeout(() => { throw new Error("defect"); }, 1);
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    await new Promise((resolve) => setTimeout(resolve, 50));
    console.log("taken back");
    return 7;`);
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  expect((await once(child, "close"))[0]).toBe(7);
  expect(stdout).toBe("ready\naborted defect\ntaken back\n");
});
