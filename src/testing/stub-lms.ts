import { chmod, mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { FakeLmstudio } from "./fake-lmstudio.ts";

export interface StubLms extends AsyncDisposable {
  /** Folder with `lms` in it, for `PATH`. */
  readonly folder: string;
  /** What it was called with, in order. */
  readonly calls: readonly string[];
}

/**
 * Stands in for LM Studio's command: `lms load KEY --context-length N …` and `lms unload ID` do to the fake app what the real
 * ones do to the app; anything else fails.
 */
export async function stubLms(home: string, app: FakeLmstudio): Promise<StubLms> {
  const calls: string[] = [];
  const server = createServer((request, response) => {
    let line = "";
    request.on("data", (chunk: Buffer) => (line += chunk.toString()));
    request.on("end", () => {
      calls.push(line);
      const [, key = "", context = ""] = /^load (\S+) --context-length (\d+)/.exec(line) ?? [];
      const [, instance = ""] = /^unload (\S+)$/.exec(line) ?? [];
      if (key !== "") app.load(key, Number(context));
      else if (instance !== "") app.unload(instance);
      response.statusCode = key === "" && instance === "" ? 400 : 200;
      response.end();
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  const folder = join(home, "lmstudio-bin");
  const tell = `fetch("http://127.0.0.1:${port}/", { method: "POST", body: process.argv.slice(1).join(" ") }).then(({ ok }) => process.exit(ok ? 0 : 1))`;
  const script = `#!/bin/sh\nexec "${process.execPath}" -e '${tell}' -- "$@"\n`;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "lms"), script);
  await chmod(join(folder, "lms"), 0o755);
  return {
    folder,
    calls,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
