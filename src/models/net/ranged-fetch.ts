import type { RunContext } from "../../run-context.ts";
import { fetchBytes } from "./fetch-bytes.ts";
import type { Http } from "./http.ts";
import type { Attempt } from "./retry.ts";

/** Most that one range may have; a server that sends the whole file instead is stopped there. */
const MAX_RANGE_BYTES = 4 * 1024 * 1024;

/**
 * `fetch` for a reader that asks for one piece of a file after the other, by the way that everything else takes: its proxies, its
 * authorities, its retries. Past the end of the file there is nothing, as an answer without a body.
 */
export function rangedFetch(
  context: RunContext,
  http: Http,
  attempt: Pick<Attempt, "what" | "url" | "explain"> & {
    readonly headers: Readonly<Record<string, string>>;
  },
): typeof globalThis.fetch {
  return async (_url, init) => {
    const range = new Headers(init?.headers).get("range") ?? "";
    const { head, body } = await fetchBytes(context, http, {
      ...attempt,
      headers: { ...attempt.headers, range },
      maxBytes: MAX_RANGE_BYTES,
      accept: [416],
    });
    const whole = head.status === 200 && !range.startsWith("bytes=0-");
    if (whole) throw new Error(`${new URL(head.url).host} sends no parts of files`);
    const about = head.headers["content-range"];
    return new Response(head.status === 416 ? undefined : new Uint8Array(body), {
      headers: about === undefined ? {} : { "content-range": about },
    });
  };
}
