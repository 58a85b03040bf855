import { readFileSync } from "node:fs";
import { request } from "node:http";

/** GETs `path` from an HTTP server on a unix socket: its body as text, or parsed when it is JSON. Rejects unless 200. */
export function answers<T>(socketPath: string, path: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const get = request({ socketPath, path, timeout: 2000 }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (body += chunk));
      response.on("end", () => {
        if (response.statusCode !== 200)
          reject(new Error(`${path}: ${response.statusCode} ${body}`));
        else resolve((body.startsWith("{") ? JSON.parse(body) : body) as T);
      });
    });
    get.on("timeout", () => get.destroy(new Error(`${path}: no answer in 2 s`)));
    get.on("error", reject);
    get.end();
  });
}

/** The last 30 lines of a log. */
export function tail(file: string): string {
  return readFileSync(file, "utf8").trimEnd().split("\n").slice(-30).join("\n");
}
