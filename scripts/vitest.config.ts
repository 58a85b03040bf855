import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** On a loaded CI machine a process may be starved for a minute; what fails twice is red. Never where people run it. */
const retry = process.env["CI"] === undefined ? 0 : 1;

export default defineConfig({
  root: fileURLToPath(new URL("..", import.meta.url)),
  test: {
    reporters: ["default", "./scripts/vitest-summary.ts"],
    projects: [
      {
        test: {
          name: "unit",
          include: ["src/**/*.test.ts", "scripts/**/*.test.ts"],
          exclude: ["**/*.integration.test.ts", "**/*.e2e.test.ts"],
        },
      },
      {
        test: {
          name: "integration",
          retry,
          include: ["src/**/*.integration.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        // One daemon, one machine: files run one after the other.
        test: {
          name: "e2e",
          retry,
          include: ["src/**/*.e2e.test.ts"],
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 900_000,
        },
      },
    ],
  },
});
