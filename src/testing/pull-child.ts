// node pull-child.ts REFERENCE: one real process that fetches a model into STACK_MODELS_DIR.
// Prints `bytes N` as it goes on, then `done`, or `error CODE`.
import { StackError } from "../errors.ts";
import { createHost } from "../host/real-host.ts";
import { parseReference } from "../models/reference.ts";
import { openStore } from "../models/store.ts";

const abort = new AbortController();
process.once("SIGINT", () => {
  abort.abort(new StackError("INTERRUPTED", { what: "Interrupted." }));
});
const store = openStore({
  host: createHost(),
  signal: abort.signal,
  emit: (event) => {
    if (event.type === "progress") console.log(`bytes ${event.bytes}`);
  },
});
try {
  await store.ensure(parseReference(process.argv[2] ?? ""), {
    insecureRegistries: [],
    offline: false,
    ca: undefined,
  });
  console.log("done");
} catch (error) {
  console.log(`error ${error instanceof StackError ? error.code : String(error)}`);
}
