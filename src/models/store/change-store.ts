import { withLock } from "../../host/with-lock.ts";
import type { RunContext } from "../../run-context.ts";
import { lockBase, type Layout } from "./layout.ts";

/** Runs `work` while no other command makes a model appear or disappear in this store. */
export async function changeStore<T>(
  context: RunContext,
  layout: Layout,
  work: () => Promise<T>,
): Promise<T> {
  return withLock(context, lockBase(layout.locks, "store"), "a change of the model store", work);
}
