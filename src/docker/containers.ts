import * as z from "zod";
import { StackError } from "../errors.ts";
import { ask, command, labelFilter, query, removal } from "./ask.ts";
import { createBody } from "./container-body.ts";
import { execIn } from "./container-exec.ts";
import { inspectContainer } from "./container-facts.ts";
import { containerMemory } from "./container-memory.ts";
import { putFiles } from "./container-files.ts";
import { followLog, headLog, tailLog } from "./container-logs.ts";
import { waitExit } from "./container-wait.ts";
import { daemonRefusal, daemonWords } from "./daemon-error.ts";
import type { ContainerFacts, Containers, ContainerSpec } from "./runtime.ts";
import type { Wire } from "./wire.ts";

const listSchema = z.array(z.object({ Id: z.string() }));
const createdSchema = z.object({ Id: z.string() });

/** `manyNetworks`: the daemon's API is 1.44 or newer. */
export function containers(wire: Wire, manyNetworks: boolean): Containers {
  const inspect = (id: string, signal?: AbortSignal): Promise<ContainerFacts | undefined> =>
    inspectContainer(wire, id, signal);
  return {
    inspect,

    async list(labels, signal) {
      const found = await query(wire, "Listing containers", listSchema, {
        method: "GET",
        path: "/containers/json",
        query: { all: true, filters: labelFilter(labels) },
        signal,
      });
      // The list knows neither exit codes nor kills for lack of memory. One inspect takes about 1 ms.
      const facts = await Promise.all(found.map(({ Id }) => inspect(Id, signal)));
      return facts.filter((each) => each !== undefined);
    },

    async create(spec, signal) {
      const id = await createContainer(wire, spec, manyNetworks, signal);
      if (!manyNetworks) await connectNetworks(wire, id, spec.extraNetworks, signal);
      return id;
    },

    async start(id, signal) {
      await command(wire, `Starting container ${id}`, {
        method: "POST",
        path: `/containers/${id}/start`,
        // A GPU's driver wakes in it, which can take longer than any short request: who gives a signal says how long.
        ...(signal === undefined ? {} : { signal, deadlineMs: undefined }),
      });
    },

    remove: (id, signal) =>
      removal(wire, `Removing container ${id}`, {
        method: "DELETE",
        path: `/containers/${id}`,
        query: { force: true, v: true },
        signal,
      }),

    waitExit: (id, signal) => waitExit(wire, id, signal),
    memory: (id, signal) => containerMemory(wire, id, signal),
    putFiles: (id, directory, files, signal) => putFiles(wire, id, directory, files, signal),
    head: (id, lines, options) => headLog(wire, id, lines, options),
    tail: (id, lines, options) => tailLog(wire, id, lines, options),
    follow: (id, options) => followLog(wire, id, options),
    exec: (id, words, signal) => execIn(wire, id, words, signal),
  };
}

async function createContainer(
  wire: Wire,
  spec: ContainerSpec,
  manyNetworks: boolean,
  signal: AbortSignal | undefined,
): Promise<string> {
  const what = `Creating container ${spec.name}`;
  await createVolumes(wire, spec, signal);
  const answer = await ask(wire, what, {
    method: "POST",
    path: "/containers/create",
    query: { name: spec.name },
    body: createBody(spec, manyNetworks),
    signal,
  });
  if (answer.status === 201) return createdSchema.parse(JSON.parse(answer.text)).Id;
  const words = daemonWords(answer.text);
  if (answer.status === 404 && /no such image/i.test(words)) {
    throw new StackError("IMAGE_UNAVAILABLE", {
      what: `The image ${spec.image} is not on this daemon.`,
      why: words,
      next: "Build it with `stack image build`, or name one with `--image`.",
    });
  }
  // Podman says it with 500.
  if (answer.status === 409 || /name .* (is )?already in use/.test(words)) {
    throw new StackError("CONFLICT", {
      what: `There is a container ${spec.name} already, and it is not this stack's.`,
      why: words,
      next: `Choose another \`--name\`, or remove it: docker rm -f ${spec.name}`,
    });
  }
  throw daemonRefusal(what, answer);
}

/** Beforehand, although the container's creation would make them: Podman then leaves out the labels, and nobody would remove them. */
async function createVolumes(
  wire: Wire,
  spec: ContainerSpec,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const mount of spec.mounts) {
    if (mount.kind !== "volume") continue;
    await command(wire, `Creating volume ${mount.source}`, {
      method: "POST",
      path: "/volumes/create",
      body: { Name: mount.source, Labels: mount.labels },
      signal,
    });
  }
}

/** For API below 1.44. A container that could not be connected is removed again: half-made is not made. */
async function connectNetworks(
  wire: Wire,
  id: string,
  names: readonly string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    for (const name of names) {
      await command(wire, `Connecting to network ${name}`, {
        method: "POST",
        path: `/networks/${encodeURIComponent(name)}/connect`,
        body: { Container: id },
        signal,
      });
    }
  } catch (error) {
    await removal(wire, `Removing container ${id}`, {
      method: "DELETE",
      path: `/containers/${id}`,
      query: { force: true, v: true },
    });
    throw error;
  }
}
