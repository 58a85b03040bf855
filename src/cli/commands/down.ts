import type { DownResult } from "../../run/down.ts";
import { StackError } from "../../errors.ts";
import { defineCommand } from "../command.ts";

type Report = DownResult & { readonly dryRun: boolean };

export const command = defineCommand({
  description:
    "Stops the engine and removes its containers and networks. Models stay, and so does the key: a later `stack up` has the same. With --purge the key, the log and the model are deleted too, also of a stack that is down already; a model that another stack is up with, or is being brought up with, stays. A stack of containers whose daemon can't be asked is left as it is, unless --forget is given.",
  args: [],
  wordMeans: "name",
  flags: {
    purge: { kind: "boolean", summary: "Delete the key, the log and the model too; asks first." },
    forget: {
      kind: "boolean",
      summary:
        "Where Docker can't be asked for its containers, forget it here; those that live on are seen again when it can be.",
    },
    yes: { kind: "boolean", short: "y", summary: "Do not ask." },
  },
  settings: [],
  examples: [
    { command: "stack down", what: "Stop the stack named default." },
    {
      command: "stack down --name work --purge --yes",
      what: "Stop another, and delete what it left.",
    },
  ],
  run: async (call): Promise<Report> => {
    const { context, flags, dryRun } = call;
    const { name } = (await call.settings()).values;
    const purge = flags.purge === true;
    const options = { name, purge, forget: flags.forget === true };
    if (dryRun) {
      const { previewDown } = await import("../../run/preview-down.ts");
      return { name, changed: false, ...(await previewDown(context, options)), dryRun };
    }
    if (purge && flags.yes !== true) await confirmPurge(call.confirm, name);
    const { down } = await import("../../run/down.ts");
    return { ...(await down(context, options)), dryRun };
  },
  text: () => "",
  hints: (report) => {
    const { name, changed, removed, dryRun, purgedModel, modelStays, leftRunning } = report;
    const gone = [...removed, ...(purgedModel === undefined ? [] : [`model ${purgedModel}`])];
    const stays = modelStays === undefined ? [] : [modelStays];
    if (dryRun) {
      if (gone.length === 0) return [`Nothing of ${name} runs.`];
      return [...gone.map((what) => `would remove ${what}`), ...stays];
    }
    if (!changed) return [`Nothing of ${name} runs: nothing was changed.`];
    if (leftRunning !== undefined) {
      return [`${name} is forgotten; the server at ${leftRunning} was left running.`];
    }
    const how = report.forgotten === true ? "forgotten" : "down";
    return [`${name} is ${how}: removed ${gone.join(", ")}.`, ...stays];
  },
});

async function confirmPurge(
  confirm: (question: string) => Promise<boolean | undefined>,
  name: string,
): Promise<void> {
  const question = `Delete the key, the log and the model of ${name} too?`;
  const answer = await confirm(question);
  if (answer === true) return;
  throw answer === false
    ? new StackError("INTERRUPTED", { what: "Nothing was changed." })
    : new StackError("USAGE", {
        what: "`--purge` asks first, and nobody can answer here.",
        next: `stack down --name ${name} --purge --yes`,
      });
}
