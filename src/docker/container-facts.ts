import * as z from "zod";
import { find } from "./ask.ts";
import type { ContainerFacts } from "./runtime.ts";
import type { Wire } from "./wire.ts";

const STATES = [
  "created",
  "running",
  "paused",
  "restarting",
  "removing",
  "exited",
  "dead",
] as const;

const networkSchema = z.object({
  IPAddress: z.string().default(""),
  Gateway: z.string().default(""),
});

/** What `GET /containers/{id}/json` says, as far as it is used. */
const inspectSchema = z.object({
  Id: z.string(),
  Name: z.string(),
  Image: z.string(),
  Config: z.object({
    Image: z.string(),
    Labels: z.record(z.string(), z.string()).nullish(),
  }),
  State: z.object({
    // Podman has more words (`initialized`, `stopping`); each is near one of Docker's.
    Status: z.enum(STATES).catch("created"),
    ExitCode: z.number().default(0),
    OOMKilled: z.boolean().default(false),
    StartedAt: z.string().default(""),
    Error: z.string().default(""),
  }),
  HostConfig: z.object({
    PortBindings: z
      .record(
        z.string(),
        z.array(z.object({ HostIp: z.string().default(""), HostPort: z.string() })).nullable(),
      )
      .nullish(),
  }),
  NetworkSettings: z.object({ Networks: z.record(z.string(), networkSchema).nullish() }),
});

/** The daemon's time of "never". */
const NEVER = "0001-01-01T00:00:00Z";

/** Undefined when there is no such container. */
export async function inspectContainer(
  wire: Wire,
  id: string,
  signal?: AbortSignal,
): Promise<ContainerFacts | undefined> {
  const raw = await find(wire, `Inspecting container ${id}`, inspectSchema, {
    method: "GET",
    path: `/containers/${encodeURIComponent(id)}/json`,
    signal,
  });
  return raw === undefined ? undefined : toContainerFacts(raw);
}

/** Pure half of `inspectContainer`. */
function toContainerFacts(raw: z.infer<typeof inspectSchema>): ContainerFacts {
  const { State: state } = raw;
  const ended = state.Status === "exited" || state.Status === "dead";
  return {
    id: raw.Id,
    name: raw.Name.replace(/^\//, ""),
    labels: raw.Config.Labels ?? {},
    image: raw.Config.Image,
    imageId: raw.Image,
    state: state.Status,
    exitCode: ended ? state.ExitCode : undefined,
    oomKilled: state.OOMKilled,
    startedAt: state.StartedAt === "" || state.StartedAt === NEVER ? undefined : state.StartedAt,
    error: state.Error === "" ? undefined : state.Error,
    ports: Object.entries(raw.HostConfig.PortBindings ?? {}).flatMap(([key, bindings]) =>
      (bindings ?? []).map(({ HostIp, HostPort }) => ({
        hostIp: HostIp,
        hostPort: Number(HostPort),
        containerPort: Number.parseInt(key, 10),
      })),
    ),
    networks: Object.fromEntries(
      Object.entries(raw.NetworkSettings.Networks ?? {}).map(([name, network]) => [
        name,
        { ip: network.IPAddress, gateway: network.Gateway },
      ]),
    ),
  };
}
