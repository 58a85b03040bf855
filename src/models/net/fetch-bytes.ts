import type { RunContext } from "../../run-context.ts";
import type { Http, ResponseHead } from "./http.ts";
import { withRetry, type Attempt } from "./retry.ts";
import { HttpStatusError } from "./trouble.ts";

export interface Fetched {
  readonly head: ResponseHead;
  readonly body: Buffer;
}

/** One small answer, whole in memory, whatever its status. More than `maxBytes` is an error. */
export async function fetchOnce(
  http: Http,
  request: Parameters<Http["exchange"]>[0],
  maxBytes: number,
): Promise<Fetched> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const head = await http.exchange(request, {
    head: () => {},
    data: (chunk, flow) => {
      bytes += chunk.length;
      if (bytes > maxBytes) flow.fail(new Error(`the answer is larger than ${maxBytes} bytes`));
      else chunks.push(chunk);
    },
  });
  return { head, body: Buffer.concat(chunks) };
}

/** As `fetchOnce`, with retries; a status that is no success is an error, except those that `accept` names. */
export async function fetchBytes(
  context: RunContext,
  http: Http,
  attempt: Omit<Attempt, "progressed"> & {
    readonly headers?: Readonly<Record<string, string>>;
    readonly method?: "GET" | "HEAD";
    readonly follow?: boolean;
    readonly maxBytes?: number;
    readonly accept?: readonly number[];
  },
): Promise<Fetched> {
  return withRetry(context, attempt, async () => {
    const { url, headers = {}, method = "GET", follow = true } = attempt;
    const answer = await fetchOnce(
      http,
      { url, headers, method, follow, signal: context.signal },
      attempt.maxBytes ?? 16 * 1024 * 1024,
    );
    const { status } = answer.head;
    if ((status < 200 || status > 299) && !(attempt.accept ?? []).includes(status)) {
      throw new HttpStatusError(answer.head, answer.body);
    }
    return answer;
  });
}
