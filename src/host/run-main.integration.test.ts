import { spawn } from "node:child_process";
import { once } from "node:events";
import { execPath } from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";

/** A program whose work ignores that it is aborted. */
function stubborn() {
  const runMain = new URL("run-main.ts", import.meta.url).href;
  const code = `
    const { runMain } = await import(${JSON.stringify(runMain)});
    await runMain(async ({ signal }) => {
      signal.addEventListener("abort", () => console.log("aborted", signal.reason.code));
      console.log("ready");
      await new Promise((resolve) => setTimeout(resolve, 60_000));
      return 0;
    });`;
  return spawn(execPath, ["--input-type=module-typescript", "-e", code], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

test("the second Ctrl-C exits at once, but not one that is the first passed on twice", async () => {
  const child = stubborn();
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
