import type { IncomingMessage, ServerResponse } from "node:http";

export interface FakeRequest {
  readonly method: string;
  /** Without version and query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

export type FakeHandler = (request: FakeRequest, response: ServerResponse) => void;

export function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

/** A container as the fake daemon keeps it: what was asked for, and how it is. */
export interface FakeContainer {
  readonly id: string;
  readonly name: string;
  readonly body: FakeCreateBody;
  readonly networks: Set<string>;
  /** Bodies of `PUT …/archive`, in order. */
  readonly archives: { readonly path: string; readonly tar: Buffer }[];
  readonly log: Buffer[];
  status: "created" | "running" | "exited";
  exitCode: number;
  oomKilled: boolean;
  /** Answers of `wait` that are held open. */
  readonly waiting: Set<() => void>;
}

/** One that runs, as another command left it. */
export function runningContainer(
  name: string,
  labels: Readonly<Record<string, string>>,
): FakeContainer {
  return {
    id: `container-${name}`,
    name,
    body: { Image: "x", Labels: labels },
    networks: new Set(),
    archives: [],
    log: [],
    status: "running",
    exitCode: 0,
    oomKilled: false,
    waiting: new Set(),
  };
}

interface FakeCreateBody {
  readonly Image: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly HostConfig?: {
    readonly NetworkMode?: string;
    readonly PortBindings?: Readonly<Record<string, readonly { readonly HostPort: string }[]>>;
    readonly Mounts?: readonly {
      readonly Type: string;
      readonly Source: string;
      readonly VolumeOptions?: { readonly Labels?: Readonly<Record<string, string>> };
    }[];
  };
  readonly NetworkingConfig?: { readonly EndpointsConfig?: Readonly<Record<string, unknown>> };
}

interface FakeNetwork {
  readonly id: string;
  readonly body: {
    readonly Name: string;
    readonly Internal?: boolean;
    readonly Labels?: Readonly<Record<string, string>>;
    readonly Options?: Readonly<Record<string, string>>;
  };
}

/** What the fake daemon holds, by name. */
export interface FakeState {
  readonly containers: Map<string, FakeContainer>;
  readonly networks: Map<string, FakeNetwork>;
  readonly volumes: Map<string, Readonly<Record<string, string>>>;
  /** Reference → image id. */
  readonly images: Map<string, string>;
}

export function findContainer(state: FakeState, key: string): FakeContainer | undefined {
  return [...state.containers.values()].find(({ id, name }) => id === key || name === key);
}

/** The frame in which the daemon sends a piece of stdout (1) or stderr (2). */
export function frame(stream: 1 | 2, text: string): Buffer {
  const payload = Buffer.from(text);
  const header = Buffer.alloc(8);
  header.writeUInt8(stream, 0);
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

/** Whether all labels of a `filters` parameter are there. */
export function matchesFilters(
  filters: string | null,
  labels: Readonly<Record<string, string>> | undefined,
): boolean {
  if (filters === null) return true;
  const { label = [] } = JSON.parse(filters) as { label?: string[] };
  return label.every((each) => {
    const [key = "", value] = each.split(/=(.*)/s);
    const own = labels?.[key];
    return own !== undefined && (value === undefined || own === value);
  });
}

/** As `GET /containers/{id}/json` answers. */
export function inspection(container: FakeContainer): object {
  return {
    Id: container.id,
    Name: `/${container.name}`,
    Image: "sha256:0",
    Config: { Image: container.body.Image, Labels: container.body.Labels ?? {} },
    State: {
      Status: container.status,
      ExitCode: container.exitCode,
      OOMKilled: container.oomKilled,
      StartedAt: container.status === "created" ? "0001-01-01T00:00:00Z" : "2026-11-25T10:00:00Z",
      Error: "",
    },
    HostConfig: container.body.HostConfig ?? {},
    NetworkSettings: {
      Networks: Object.fromEntries(
        [...container.networks].map((name) => [name, { IPAddress: "172.30.0.2", Gateway: "" }]),
      ),
    },
  };
}
