import type { FakeContainer, FakeHandler, FakeRequest, FakeState } from "./fake-docker-state.ts";
import { findContainer, frame, inspection, json, matchesFilters } from "./fake-docker-state.ts";

/** Everything below `/containers` and `/exec`. */
export function containerRoutes(state: FakeState, apiVersion: string): Record<string, FakeHandler> {
  const manyNetworks = Number(apiVersion.split(".")[1]) >= 44;
  const on =
    (handle: (container: FakeContainer, ...rest: Parameters<FakeHandler>) => void): FakeHandler =>
    (request, response) => {
      const container = findContainer(state, request.path.split("/")[2] ?? "");
      if (container === undefined) json(response, 404, { message: "No such container" });
      else handle(container, request, response);
    };
  return {
    "GET /containers/json": (request, response) => {
      const found = [...state.containers.values()].filter(({ body }) =>
        matchesFilters(request.query.get("filters"), body.Labels),
      );
      json(
        response,
        200,
        found.map(({ id }) => ({ Id: id })),
      );
    },
    "POST /containers/create": (request, response) =>
      create(state, manyNetworks, request, response),
    "GET /containers/*/json": on((container, _, response) =>
      json(response, 200, inspection(container)),
    ),
    "POST /containers/*/start": on((container, _, response) => {
      const busy = busyPort(state, container);
      if (busy !== undefined) {
        json(response, 500, {
          message: `driver failed programming external connectivity: Bind for 127.0.0.1:${busy} failed: port is already allocated`,
        });
        return;
      }
      container.status = "running";
      response.writeHead(204).end();
    }),
    "POST /containers/*/wait": on((container, _, response) => {
      // The daemon sends the head at once and the body at the end.
      response.writeHead(200, { "content-type": "application/json" }).flushHeaders();
      const wake = (): void =>
        void response.end(JSON.stringify({ StatusCode: container.exitCode }));
      if (container.status === "running") container.waiting.add(wake);
      else wake();
    }),
    "GET /containers/*/logs": on((container, request, response) => {
      const tail = Number(request.query.get("tail"));
      for (const each of tail > 0 ? container.log.slice(-tail) : container.log) {
        response.write(each);
      }
      if (request.query.get("follow") !== "true") response.end();
      else if (container.status === "running") container.waiting.add(() => response.end());
      else response.end();
    }),
    "PUT /containers/*/archive": on((container, request, response) => {
      container.archives.push({ path: request.query.get("path") ?? "", tar: request.body });
      response.writeHead(200).end();
    }),
    "DELETE /containers/*": on((container, _, response) => {
      state.containers.delete(container.name);
      response.writeHead(204).end();
    }),
    "POST /containers/*/exec": on((container, _, response) =>
      json(response, 201, { Id: `exec-${container.id}` }),
    ),
    "POST /exec/*/start": (_, response) => {
      response.writeHead(200, { "content-type": "application/vnd.docker.raw-stream" });
      response.end(Buffer.concat([frame(1, "out\n"), frame(2, "err\n")]));
    },
    "GET /exec/*/json": (_, response) => json(response, 200, { ExitCode: 3, Running: false }),
  };
}

function create(
  state: FakeState,
  manyNetworks: boolean,
  request: FakeRequest,
  response: Parameters<FakeHandler>[1],
): void {
  const name = request.query.get("name") ?? "";
  const body: FakeContainer["body"] = JSON.parse(request.body.toString());
  if (!state.images.has(body.Image)) {
    json(response, 404, { message: `No such image: ${body.Image}` });
    return;
  }
  if (state.containers.has(name)) {
    json(response, 409, { message: `Conflict. The container name "/${name}" is already in use` });
    return;
  }
  const networks = Object.keys(body.NetworkingConfig?.EndpointsConfig ?? {});
  if (networks.length > 1 && !manyNetworks) {
    json(response, 400, { message: "Container cannot be connected to network endpoints: " });
    return;
  }
  for (const mount of body.HostConfig?.Mounts ?? []) {
    // As Podman does it: without the labels.
    if (mount.Type === "volume" && !state.volumes.has(mount.Source)) {
      state.volumes.set(mount.Source, {});
    }
  }
  const id = `container-${name}`;
  state.containers.set(name, {
    id,
    name,
    body,
    networks: new Set(networks),
    archives: [],
    log: [],
    status: "created",
    exitCode: 0,
    oomKilled: false,
    waiting: new Set(),
  });
  json(response, 201, { Id: id });
}

function busyPort(state: FakeState, container: FakeContainer): string | undefined {
  const portsOf = ({ body }: FakeContainer): readonly string[] =>
    Object.values(body.HostConfig?.PortBindings ?? {}).flatMap((all) =>
      all.map(({ HostPort }) => HostPort),
    );
  const taken = new Set(
    [...state.containers.values()]
      .filter((each) => each !== container && each.status === "running")
      .flatMap(portsOf),
  );
  return portsOf(container).find((port) => taken.has(port));
}
