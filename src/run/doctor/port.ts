import { StackError } from "../../errors.ts";
import { choosePort } from "../free-port.ts";
import { readEndpoint, stackFolder } from "../stack-folder.ts";
import type { Check } from "./check.ts";

export const portCheck: Check = {
  id: "port",
  title: "Port",
  deadlineMs: 3000,
  run: async ({ host, settings }) => {
    const endpoint = await readEndpoint(stackFolder(host, settings.name));
    const current = endpoint === undefined ? undefined : Number(new URL(endpoint.apiBase).port);
    const own = current === undefined ? [] : [current];
    try {
      const port = await choosePort({ wanted: settings.port, previous: current, own });
      const summary = own.includes(port) ? `${port} is this stack's` : `${port} is free`;
      return [{ status: "ok", summary: `${summary} on 127.0.0.1` }];
    } catch (error) {
      if (!(error instanceof StackError)) throw error;
      const { what, next, code } = error;
      return [
        { status: "failed", code, summary: what, ...(next === undefined ? {} : { fix: next }) },
      ];
    }
  },
};
