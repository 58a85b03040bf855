import type { FakeDocker } from "./fake-docker.ts";
import { findContainer, frame } from "./fake-docker-state.ts";

/** What the container prints that looks at a GPU, where it sees one. */
export const SEES_GPU = "@node rw /dev/nvidia0\n@libcuda /usr/lib64/libcuda.so.1\n@end\n";

/** Lets a container of this stack that only looks for a GPU end at once, having printed this. */
export function answerPreflight(docker: FakeDocker, stack: string, printed: string): void {
  docker.fault(`POST /containers/container-stack-${stack}-gpu`, (request, response) => {
    if (request.path.endsWith("/wait")) {
      response.end('{"StatusCode":0}');
      return;
    }
    const container = findContainer(docker, request.path.split("/")[2] ?? "");
    if (container !== undefined) container.status = "exited";
    container?.log.push(frame(1, printed));
    response.writeHead(204).end();
  });
}
