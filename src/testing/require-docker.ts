import { connect } from "../docker/connect.ts";
import type { Runtime } from "../docker/runtime.ts";
import { createHost } from "../host/real-host.ts";

/** The daemon that e2e tests use. Undefined where there is none: skip by name. With `STACK_REQUIRE_DOCKER=1` that is an error. */
export async function requireDocker(): Promise<Runtime | undefined> {
  try {
    return await connect(createHost(), { signal: AbortSignal.timeout(10_000) });
  } catch (error) {
    if (process.env["STACK_REQUIRE_DOCKER"] === "1") throw error;
    return undefined;
  }
}
