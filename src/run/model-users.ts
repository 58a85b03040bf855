import { StackError } from "../errors.ts";
import type { Host } from "../host/host.ts";
import { readEndpoint, stackFolder, stackNames } from "./stack-folder.ts";

/** Names of the stacks that are up with this model (by canonical reference). An adopted server has models of its own. */
export async function modelUsers(host: Host, reference: string): Promise<readonly string[]> {
  const users = await Promise.all(
    (await stackNames(host)).map(async (name) => {
      const endpoint = await readEndpoint(stackFolder(host, name));
      return endpoint?.reference === reference && endpoint.adopted !== true ? [name] : [];
    }),
  );
  return users.flat();
}

/** `MODEL_IN_USE` when a stack is up with one of these models: its bytes must not go away under it. */
export async function refuseUsed(host: Host, references: readonly string[]): Promise<void> {
  for (const reference of references) {
    const [user] = await modelUsers(host, reference);
    if (user === undefined) continue;
    throw new StackError("MODEL_IN_USE", {
      what: `The stack ${user} is up with the model ${reference}.`,
      next: `stack down --name ${user}`,
    });
  }
}
