import { expect, test } from "vitest";
import { detectInvocation, localise } from "./invocation.ts";

const script = { npm_lifecycle_event: "stack", npm_package_name: "stack", INIT_CWD: "/u" };

test.each([
  [{ ...script, npm_config_user_agent: "pnpm/12.21.0 npm/? node/?" }, "pnpm stack", "/u"],
  [
    {
      ...script,
      npm_config_user_agent: "pnpm/12.21.0 npm/?",
      npm_execpath: "/root/.npm/_npx/9c7/node_modules/pnpm/pnpm",
    },
    "npx -y pnpm@12 stack",
    "/u",
  ],
  [{ ...script, npm_config_user_agent: "npm/11.0.0 node/v24" }, "npm run stack --", "/u"],
  // Started by a script of another project, which is not how to call us.
  [
    { npm_lifecycle_event: "test", npm_package_name: "theirs", INIT_CWD: "/u" },
    "node scripts/stack.ts",
    "/repo",
  ],
  [{}, "node scripts/stack.ts", "/repo"],
])("%j is called as %s", (env, stack, cwd) => {
  expect(detectInvocation(env, "/repo", "/repo/scripts/stack.ts")).toMatchObject({ stack, cwd });
});

test("a program on the PATH is called by its name", () => {
  expect(detectInvocation({}, "/", "/usr/local/bin/stack").stack).toBe("stack");
});

test.each([
  ["stack up", "pnpm stack up"],
  ["Run `stack doctor -v` again.", "Run `pnpm stack doctor -v` again."],
  ['eval "$(stack env)"', 'eval "$(pnpm stack env)"'],
  [
    "stack models rm x && stack models pull x",
    "pnpm stack models rm x && pnpm stack models pull x",
  ],
  ["free space with stack models rm", "free space with pnpm stack models rm"],
  ["There is no stack named x here.", "There is no stack named x here."],
  ["stack --help", "pnpm stack --help"],
  ["the stack is up", "the stack is up"],
])("%s → %s", (text, expected) => {
  expect(localise(text, "pnpm stack")).toBe(expected);
});
