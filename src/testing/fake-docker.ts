import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { containerRoutes } from "./fake-docker-containers.ts";
import type { FakeHandler, FakeRequest, FakeState } from "./fake-docker-state.ts";
import { findContainer, frame, json, matchesFilters } from "./fake-docker-state.ts";

export interface FakeDocker extends AsyncDisposable, FakeState {
  /** For `DOCKER_HOST`. */
  readonly host: string;
  /** All that arrived, in order. */
  readonly requests: readonly FakeRequest[];
  /** Answers requests whose `METHOD /path` begins so in another way, until the scope of the test ends. */
  fault(prefix: string, handler: FakeHandler): void;
  /** Ends a running container, as its process would. */
  exit(name: string, code: number, oomKilled?: boolean): void;
  log(name: string, stream: 1 | 2, text: string): void;
}

export interface FakeDockerOptions {
  readonly version?: string;
  readonly apiVersion?: string;
  readonly podman?: boolean;
  readonly memoryBytes?: number;
  /** Beside `runc`. */
  readonly runtimes?: readonly string[];
}

/** A container daemon that speaks the Engine API on a unix socket and keeps state, but runs nothing. */
export async function fakeDocker(options: FakeDockerOptions = {}): Promise<FakeDocker> {
  const { version = "28.5.2", apiVersion = "1.51", podman = false, runtimes = [] } = options;
  const { memoryBytes = 8e9 } = options;
  const folder = await mkdtemp(join(tmpdir(), "fake-docker-"));
  const state: FakeState = {
    containers: new Map(),
    networks: new Map(),
    volumes: new Map(),
    images: new Map(),
  };
  const requests: FakeRequest[] = [];
  const faults = new Map<string, FakeHandler>();
  const routes: Record<string, FakeHandler> = {
    "GET /_ping": (_, response) => response.setHeader("api-version", apiVersion).end("OK"),
    "GET /version": (_, response) =>
      json(response, 200, {
        Version: version,
        ApiVersion: apiVersion,
        Components: [{ Name: podman ? "Podman Engine" : "Engine" }],
      }),
    "GET /info": (_, response) =>
      json(response, 200, {
        OSType: "linux",
        OperatingSystem: "Fake Linux",
        Architecture: "x86_64",
        Driver: "overlay2",
        MemTotal: memoryBytes,
        NCPU: 4,
        CgroupVersion: "2",
        SecurityOptions: ["name=seccomp,profile=builtin"],
        Runtimes: Object.fromEntries(["runc", ...runtimes].map((each) => [each, {}])),
      }),
    ...networkRoutes(state),
    ...volumeRoutes(state),
    ...imageRoutes(state),
    ...containerRoutes(state, apiVersion),
  };

  const answer = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const request = await readRequest(incoming);
    requests.push(request);
    const key = `${request.method} ${request.path}`;
    const fault = [...faults].find(([prefix]) => key.startsWith(prefix))?.[1];
    const handler = fault ?? routes[key] ?? routes[pattern(key)] ?? notFound;
    handler(request, response);
  };
  const server = createServer((incoming, response) => void answer(incoming, response));
  const socket = join(folder, "docker.sock");
  await new Promise<void>((resolve) => {
    server.listen(socket, resolve);
  });
  return {
    ...state,
    host: `unix://${socket}`,
    requests,
    fault: (prefix, handler) => faults.set(prefix, handler),
    exit(name, code, oomKilled = false) {
      const container = findContainer(state, name);
      if (container === undefined) throw new Error(`no container ${name}`);
      Object.assign(container, { status: "exited", exitCode: code, oomKilled });
      for (const wake of container.waiting) wake();
    },
    log: (name, stream, text) => findContainer(state, name)?.log.push(frame(stream, text)),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const notFound: FakeHandler = (request, response) =>
  json(response, 404, { message: `page not found: ${request.path}` });

async function readRequest(incoming: IncomingMessage): Promise<FakeRequest> {
  const url = new URL(incoming.url ?? "/", "http://docker");
  return {
    method: incoming.method ?? "GET",
    path: url.pathname.replace(/^\/v1\.\d+/, ""),
    query: url.searchParams,
    headers: incoming.headers,
    body: await buffer(incoming),
  };
}

/** `GET /containers/abc/json` → `GET /containers/*` + `/json`; image references may hold slashes. */
function pattern(key: string): string {
  return key
    .replace(/^(\w+ \/images\/).+(\/json)$/, "$1*$2")
    .replace(/^(\w+ \/(?:containers|networks|volumes|exec)\/)[^/]+/, "$1*");
}

function networkRoutes(state: FakeState): Record<string, FakeHandler> {
  return {
    "GET /networks": (request, response) => {
      const found = [...state.networks.values()].filter(({ body }) =>
        matchesFilters(request.query.get("filters"), body.Labels),
      );
      json(
        response,
        200,
        found.map(({ id, body }) => ({ Id: id, ...body, IPAM: { Config: [] } })),
      );
    },
    "POST /networks/create": (request, response) => {
      const body = JSON.parse(request.body.toString());
      if (state.networks.has(body.Name)) {
        json(response, 409, { message: `network with name ${body.Name} already exists` });
        return;
      }
      const id = `net-${state.networks.size}`;
      state.networks.set(body.Name, { id, body });
      json(response, 201, { Id: id });
    },
    "POST /networks/*/connect": (request, response) => {
      const name = decodeURIComponent(request.path.split("/")[2] ?? "");
      const container = findContainer(state, JSON.parse(request.body.toString()).Container);
      container?.networks.add(name);
      response.writeHead(container === undefined ? 404 : 200).end();
    },
    "DELETE /networks/*": (request, response) => {
      const key = request.path.split("/")[2] ?? "";
      const name = [...state.networks].find(([each, { id }]) => each === key || id === key)?.[0];
      response.writeHead(name !== undefined && state.networks.delete(name) ? 204 : 404).end();
    },
  };
}

function volumeRoutes(state: FakeState): Record<string, FakeHandler> {
  return {
    "GET /volumes": (request, response) => {
      const found = [...state.volumes].filter(([, labels]) =>
        matchesFilters(request.query.get("filters"), labels),
      );
      json(response, 200, { Volumes: found.map(([Name]) => ({ Name })) });
    },
    "POST /volumes/create": (request, response) => {
      const { Name, Labels = {} } = JSON.parse(request.body.toString());
      state.volumes.set(Name, Labels);
      json(response, 201, { Name });
    },
    "DELETE /volumes/*": (request, response) => {
      const name = request.path.split("/")[2] ?? "";
      response.writeHead(state.volumes.delete(name) ? 204 : 404).end();
    },
  };
}

function imageRoutes(state: FakeState): Record<string, FakeHandler> {
  return {
    "GET /images/*/json": (request, response) => {
      const name = decodeURIComponent(request.path.slice("/images/".length, -"/json".length));
      const id = state.images.get(name);
      if (id === undefined) json(response, 404, { message: `No such image: ${name}` });
      else json(response, 200, { Id: id, RepoDigests: [], Size: 1, Config: { Labels: null } });
    },
    "GET /images/json": (_, response) =>
      json(
        response,
        200,
        [...state.images].map(([tag, Id]) => ({ Id, RepoTags: [tag], Size: 1 })),
      ),
    "POST /images/create": (request, response) => {
      state.images.set(request.query.get("fromImage") ?? "", "sha256:pulled");
      response.writeHead(200).end(`${JSON.stringify({ status: "Pull complete", id: "layer" })}\n`);
    },
  };
}
